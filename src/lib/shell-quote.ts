/**
 * Quotes one argument so that the shells a user may have on the machine (sh, bash, dash, zsh, ksh and fish) read it back
 * unchanged. Backslash and quote stand outside the single quotes, because fish, unlike POSIX sh, reads a backslash inside.
 * @throws TypeError for a NUL, which no argument of a process can hold
 * @see POSIX.1-2017 Shell Command Language 2.2; https://fishshell.com/docs/current/language.html#quotes
 */
export function quoteArgument(argument: string): string {
  if (argument.includes('\0')) throw new TypeError('an argument cannot hold a NUL character');
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(argument)) return argument;
  if (argument === '') return "''";
  return argument
    .split(/([\\'])/)
    .filter((part) => part !== '')
    .map((part) => (part === "'" || part === '\\' ? `\\${part}` : `'${part}'`))
    .join('');
}

/** One command line for a remote shell that runs exactly this program with exactly these arguments. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteArgument).join(' ');
}
