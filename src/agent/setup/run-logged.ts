/** Programs of a setup: as root or as the login user, to their end, with what they print in a log. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { SpuffError } from '../../domain/errors.ts';
import { escapeText } from '../../lib/escape.ts';
import { startProcess } from '../../lib/process.ts';
import type { Account } from './accounts.ts';
import { longestLine } from './setup-log.ts';

export interface Command {
  argv: readonly string[];
  asUser: boolean;
  env?: Readonly<Record<string, string>>;
  /** The user's home, or /, when missing. */
  cwd?: string;
  timeoutSeconds?: number;
}

export interface CommandEnd {
  /** 128+n for a signal; 124 when its time was over. */
  exitCode: number;
  /** The last lines that it printed, of both streams; masked and escaped. */
  lastLines: readonly string[];
  /** What it printed to standard output, up to 1 MiB, as it is: for questions, never for a log. */
  stdout: string;
}

export type RunCommand = (command: Command, onLine: (line: string) => void) => Promise<CommandEnd>;

/** What timeout(1) exits with when the time was over. */
export const timedOutStatus = 124;

const usualTimeoutSeconds = 2 * 3_600;
const keptLines = 8;
const keptBytes = 1024 * 1024;
/** Something that the program has left running may hold its pipes: they are not waited for longer than this. */
const drainMs = 500;

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Gives a function that runs programs. Those of the login user lose root's rights before they start, and get an
 * environment of their own; a time that is over ends the whole process group.
 * @param mask takes secrets out of a line
 */
export function createCommandRunner(account: Account, mask: (line: string) => string): RunCommand {
  return async (command, onLine) => {
    const { argv, asUser, cwd, env, timeoutSeconds = usualTimeoutSeconds } = command;
    const own: Record<string, string> = asUser
      ? { HOME: account.home, USER: account.name, LOGNAME: account.name, SHELL: account.shell }
      : { HOME: '/root', USER: 'root', LOGNAME: 'root' };
    const tail: string[] = [];
    const take = (raw: string) => {
      const line = escapeText(mask(raw.replace(/\r$/, '')), { singleLine: false });
      onLine(line);
      if (line.trim() === '') return;
      tail.push(line);
      if (tail.length > keptLines) tail.shift();
    };
    try {
      const child = await startProcess(
        [
          ...['timeout', '--kill-after=10', String(timeoutSeconds)],
          ...(asUser ? dropTo(account) : []),
          ...argv,
        ],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
          cwd: cwd ?? (asUser ? account.home : '/'),
          env: { PATH: searchPath, LANG: 'C.UTF-8', ...own, ...env },
        },
      );
      const { exitCode, stdout } = await collect(child, take);
      return { exitCode, stdout, lastLines: tail };
    } catch (error) {
      if (!(error instanceof SpuffError)) throw error;
      take(error.message);
      return { exitCode: 127, stdout: '', lastLines: tail };
    }
  };
}

function dropTo({ userId, groupId }: Account): string[] {
  return ['setpriv', `--reuid=${userId}`, `--regid=${groupId}`, '--init-groups', '--'];
}

async function collect(
  child: ChildProcess,
  onLine: (line: string) => void,
): Promise<{ exitCode: number; stdout: string }> {
  let stdout = '';
  const streams = Promise.all([
    readLines(child.stdout, onLine, (text) => {
      if (stdout.length < keptBytes) stdout += text;
    }),
    readLines(child.stderr, onLine, () => undefined),
  ]);
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, drainMs);
  await Promise.race([streams, late]);
  clearTimeout(timer);
  child.stdout?.destroy();
  child.stderr?.destroy();
  return { exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), stdout };
}

async function readLines(
  stream: Readable | null,
  onLine: (line: string) => void,
  onText: (text: string) => void,
): Promise<void> {
  if (stream === null) return;
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const text = decoder.write(chunk);
      onText(text);
      // Bars that redraw themselves end their lines with a carriage return alone.
      const lines = (rest + text).split(/\n|\r(?!\n|$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
      if (rest.length > longestLine) {
        onLine(rest);
        rest = '';
      }
    }
  } catch {
    // Let go after the end of the program: what came until then counts.
  }
  if (rest !== '') onLine(rest);
}

/** What to tell of a program that failed: its own last words, or how it ended. */
export function describeEnd({ exitCode, lastLines }: CommandEnd): string {
  if (exitCode === timedOutStatus) return 'it took longer than it may';
  const said = lastLines.filter((line) => /^(?:E:|error|fatal|npm (?:ERR!|error))/i.test(line.trim()));
  // Who tries again says the same again.
  const words = [...new Set(said.length > 0 ? said : lastLines)].slice(-3).join('; ');
  const shown = escapeText(words, { singleLine: true }).slice(0, 600);
  return shown === '' ? `exit status ${exitCode}` : `${shown} (exit status ${exitCode})`;
}
