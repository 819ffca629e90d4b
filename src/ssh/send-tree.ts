/** Sends files with rsync, through the shared connection: rsync itself dials nobody and knows no machine. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { SpuffError } from '../domain/errors.ts';
import type { SendTreeOptions, SentTree, SshTarget } from '../domain/ssh.ts';
import { escapeText } from '../lib/escape.ts';
import { exitCodeOf, runProcess, startProcess } from '../lib/process.ts';
import { buildSession, type SshContext } from './argv.ts';
import { hostAlias } from './known-hosts.ts';
import { openSharedConnection } from './shared-connection.ts';

/** rsync(1), EXIT VALUES. */
const vanished = 24;
const notFound = 127;
const connectionEnds = new Set([5, 10, 12, 30, 35, 255]);

/**
 * Sends files of a folder here into a folder there. A link is sent as a link; nothing is removed.
 * @throws SpuffError `unavailable` where rsync is missing or too old, on either side; `connection` and the others of a login;
 * `permission` when a file could not be read here or written there; `interrupted`
 */
export async function sendTree(
  target: SshTarget,
  context: SshContext,
  request: { root: string; paths: readonly string[]; folder: string },
  options: SendTreeOptions,
): Promise<SentTree> {
  await requireRsync();
  await openSharedConnection(target, context, options.signal ? { signal: options.signal } : {});
  const child = await startProcess(
    buildRsync(target, context, { folder: request.folder, shows: options.onProgress !== undefined }),
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: request.root,
      env: { LC_ALL: 'C' },
    },
  );
  const stop = () => void child.kill('SIGTERM');
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) stop();
  try {
    const [status, stdout, stderr] = await Promise.all([
      waitForEnd(child),
      readStream(child.stdout, options.onProgress),
      readStream(child.stderr),
      giveNames(child, request.paths),
    ]);
    if (options.signal?.aborted)
      throw new SpuffError('interrupted', 'rsync was stopped', { cause: options.signal.reason });
    if (status !== 0 && status !== vanished) throw explainEnd(target, status, stderr);
    const sent = /^Total bytes sent: (\d+)/m.exec(stdout)?.[1];
    return { sentBytes: sent === undefined ? null : Number(sent) };
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

/** What it needs: links, names with `--from0`, and times to the nanosecond, which came with 3.1. */
async function requireRsync(): Promise<void> {
  const { exitCode, stdout } = await runProcess(['rsync', '--version'], { timeoutMs: 10_000 });
  const version = /^rsync +version v?(\d+)\.(\d+)/m.exec(stdout);
  const [major = 0, minor = 0] = version === null ? [] : [Number(version[1]), Number(version[2])];
  if (exitCode === 0 && (major > 3 || (major === 3 && minor >= 1))) return;
  throw new SpuffError('unavailable', 'rsync on this computer is not version 3.1 or later', {
    hints: ['install a current one, for example: brew install rsync'],
  });
}

export function buildRsync(
  target: SshTarget,
  context: SshContext,
  { folder, shows }: { folder: string; shows: boolean },
): string[] {
  return [
    'rsync',
    ...['--links', '--times', '--perms', '--omit-dir-times', '--no-implied-dirs', '--no-iconv'],
    // What is named was changed, also where size and second are as before.
    '--ignore-times',
    ...['--from0', '--files-from=-', '--stats', '--no-human-readable'],
    // A line for each file: with small ones that takes longer than the files.
    ...(shows ? ['--info=progress2', '--outbuf=L'] : []),
    `--rsh=${quoteForRsync(buildTransport(target, context))}`,
    '--',
    './',
    `${hostAlias(target.key)}:${folder}/`,
  ];
}

/** ssh over the shared connection: rsync puts the destination and the command behind it. */
function buildTransport(target: SshTarget, context: SshContext): string[] {
  const session = {
    command: null,
    tty: 'no',
    shared: true,
    forwardAgent: 'no',
    sshArgs: [],
    logPath: null,
  } as const;
  return buildSession(target, context, session).slice(0, -1);
}

/**
 * rsync splits the text itself, without a shell, at spaces; between quotes nothing counts but the quote, which is doubled
 * (rsync(1), --rsh).
 */
export function quoteForRsync(argv: readonly string[]): string {
  return argv.map((argument) => `'${argument.replaceAll("'", "''")}'`).join(' ');
}

/** With `./` before it no name is taken for a comment, as `#name` would be. */
async function giveNames(child: ChildProcess, paths: readonly string[]): Promise<void> {
  const input = child.stdin;
  if (!input) return;
  // It may end before it has read all; its exit status tells why.
  input.on('error', () => undefined);
  input.end(paths.map((path) => `./${path}\0`).join(''));
}

async function waitForEnd(child: ChildProcess): Promise<number> {
  const [code, signalName] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return exitCodeOf(code, signalName);
}

async function readStream(
  stream: NodeJS.ReadableStream | null,
  onProgress?: SendTreeOptions['onProgress'],
): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) {
    text = (text + String(chunk)).slice(-16_384);
    const percent = [...text.matchAll(/ (\d{1,3})% /g)].at(-1)?.[1];
    if (percent !== undefined) onProgress?.(Number(percent));
  }
  return text;
}

function explainEnd(target: SshTarget, status: number, stderr: string): SpuffError {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('rsync error:'));
  const said = escapeText(lines.slice(0, 3).join('; '), { singleLine: true }).slice(0, 500);
  const why = said || `rsync ended with status ${status}`;
  if (status === notFound || /rsync: (?:command )?not found/.test(stderr))
    return new SpuffError('unavailable', `there is no rsync on ${target.name}`, {
      hints: [`install it there: spuff exec ${target.name} -- sudo apt-get install -y rsync`],
    });
  if (connectionEnds.has(status))
    return new SpuffError('connection', `the connection to ${target.name} ended during the sync: ${why}`, {
      hints: ['try again: what has arrived is not sent again'],
    });
  return new SpuffError('permission', `not all files could be brought to ${target.name}: ${why}`, {
    hints: ['mend what rsync complains of, and try again'],
  });
}
