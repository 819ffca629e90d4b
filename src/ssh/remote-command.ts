/** Command lines for the machine: what the login shell there is asked to run. */
import { SpuffError } from '../domain/errors.ts';
import { quoteCommand } from '../lib/shell-quote.ts';

/** The signals that are passed on. */
export const relayedSignals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
export type RelayedSignal = (typeof relayedSignals)[number];

/**
 * Stays as the parent of the program and gives its status as shells count it, 128+n for a signal, which sshd alone
 * would turn into 255. It outlives the signals that it is sent with its group, so that a program that ends in its own
 * way on one is heard out. Its own messages about a killed child are dropped. `shift` removes the mark, which stays
 * visible as an argument of the process.
 */
const wrapper = `trap : HUP INT QUIT TERM;shift;exec 3>&2 2>/dev/null;(exec "$@" 2>&3 3>&-);exit $?`;

/**
 * One line that runs exactly this program with exactly these arguments, under any login shell, as the leader of a process
 * group that `mark` finds again.
 * @throws SpuffError `usage` for what can't be the name of a program
 */
export function wrapCommand(argv: readonly string[], mark: string): string {
  const [program] = argv;
  if (program === undefined || program === '') throw new SpuffError('usage', 'there is no program to run');
  if (program.startsWith('-')) {
    throw new SpuffError('usage', `${JSON.stringify(program)} can't be the name of a program`, {
      hints: [`for a file of that name: ./${program}`],
    });
  }
  if (argv.some((argument) => argument.includes('\0'))) {
    throw new SpuffError('usage', 'an argument holds a NUL character, which no program can be given');
  }
  return `exec ${quoteCommand(['sh', '-c', wrapper, 'spuff', mark, ...argv])}`;
}

/** Exit status of the program below when no group bears the mark: not yet, or no more. */
export const nothingSignalled = 3;

/**
 * A program that sends a signal to the group that `mark` leads; as root where sudo allows it, because the program may be
 * running as root. It exits with 0, or with `nothingSignalled`.
 */
export function buildSignalCommand(mark: string, signal: RelayedSignal | 'SIGKILL'): string[] {
  const name = signal.slice('SIG'.length);
  const script =
    // The mark is given with a letter before it, and -x wants the whole argument: this shell and grep are not found.
    'found=3;for file in $(grep -lzFx -e"${1#x}" /proc/[0-9]*/cmdline 2>/dev/null);do pid=${file#/proc/};' +
    'group=-${pid%/cmdline};if sudo -n kill -s "$2" -- "$group"||kill -s "$2" -- "$group";then found=0;fi;' +
    'done 2>/dev/null;exit $found';
  return ['sh', '-c', script, 'spuff', `x${mark}`, name];
}
