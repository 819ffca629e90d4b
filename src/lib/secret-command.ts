/** A command that the user names and that prints a secret: run without a shell, for each use, and never kept. */
import { SpuffError } from '../domain/errors.ts';
import { escapeText } from './escape.ts';
import { runProcess } from './process.ts';
import { splitWords } from './split-words.ts';
import { redactTokens } from './token-shapes.ts';

export interface SecretCommand {
  /** What names it, for errors: `token_command`. */
  name: string;
  /** As the user wrote it. */
  line: string;
  env: NodeJS.ProcessEnv;
  /** Variables that it doesn't get. It gets all others: a password manager needs its own session. */
  withheld: ReadonlySet<string>;
  extra?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
  /** What to do when it fails. */
  hint: string;
}

/** Somebody may have to look for a finger-print reader. */
const patienceMs = 120_000;

/** @returns what it printed. @throws SpuffError `auth` that says how it ended, `unavailable` when it can't be started */
export async function runSecretCommand(command: SecretCommand, signal: AbortSignal): Promise<string> {
  const { name, line, withheld, hint, timeoutMs = patienceMs, cwd } = command;
  const argv = splitWords(line);
  const env = Object.fromEntries(
    Object.entries(command.env).filter((entry): entry is [string, string] => {
      return entry[1] !== undefined && !withheld.has(entry[0]);
    }),
  );
  const { exitCode, stdout, stderr, timedOut } = await runProcess(argv, {
    ...{ signal, timeoutMs, maxBytes: 64 * 1024 },
    ...(cwd !== undefined && { cwd }),
    env: { ...env, ...command.extra },
  });
  if (exitCode === 0 && !timedOut) return stdout;
  const end = timedOut ? `did not end within ${timeoutMs / 1_000} s` : `ended with ${exitCode}`;
  const said = escapeText(redactTokens(stderr.trim()), { singleLine: true }).slice(0, 300);
  const program = escapeText(argv[0] ?? '', { singleLine: true });
  throw new SpuffError('auth', `${name} (${program}) ${end}${said === '' ? '' : `: ${said}`}`, {
    hints: [hint],
  });
}
