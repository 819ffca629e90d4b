import { spawnSync } from 'node:child_process';

export function say(text) {
  process.stdout.write(`${text}\n`);
}

export function heading(text) {
  say(`\n== ${text}`);
}

export function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(1);
}

/** Shows and runs a command; gives its output when `capture`. Ends the quick start when it fails. */
export function run(argv, { cwd, capture = false, env = {} } = {}) {
  const [command, ...args] = argv;
  if (!capture) say(`$ ${argv.map(showArgument).join(' ')}`);
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: capture ? ['ignore', 'pipe', 'inherit'] : 'inherit',
    env: { ...process.env, ...env },
  });
  if (result.error)
    fail(`${command} can't be started: ${result.error.message}`, 'install it and run the quick start again');
  if (result.status !== 0)
    fail(
      `${command} ended with ${result.status ?? result.signal}`,
      'mend what it says above and run the quick start again',
    );
  return result.stdout;
}

/** Whether a command succeeds; prints nothing. */
export function succeeds(argv) {
  const [command, ...args] = argv;
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Puts sudo in front where this user isn't root. */
export function asRoot(argv) {
  return process.getuid() === 0 ? argv : ['sudo', ...argv];
}

function showArgument(argument) {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`;
}
