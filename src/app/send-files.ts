/** Sends files to a machine: with rsync, and where there is none in a tar archive, whole. */
import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import type { AppContext } from './context.ts';
import type { RemoteFolder } from './remote-tree.ts';

/** Fixed text; the package comes from the machine's own sources. */
const ensureRsync = `command -v rsync >/dev/null && exit 0
sudo -n apt-get install -y --no-install-recommends rsync >/dev/null 2>&1 || {
  sudo -n apt-get update >/dev/null 2>&1
  sudo -n apt-get install -y --no-install-recommends rsync >/dev/null 2>&1
}
`;

const unpackScript = 'mkdir -p -- "$1" && exec tar -x -p --no-same-owner -f - -C "$1"';

export interface FilesToSend {
  root: string;
  paths: readonly string[];
  /** What the files are long in all. */
  bytes: number;
  onProgress: (percent: number) => void;
}

/**
 * @returns what went over the wire; null: not known
 * @throws SpuffError `connection`, `permission`, `interrupted`
 */
export async function sendFiles(
  context: AppContext,
  where: RemoteFolder,
  { root, paths, bytes, onProgress }: FilesToSend,
): Promise<number | null> {
  const ssh = await context.ssh();
  const request = { root, paths, folder: where.folder };
  const options = { signal: context.signal, ...(isLong(bytes, paths.length) && { onProgress }) };
  const sendWithRsync = () => ssh.sendTree(where.target, request, options);
  try {
    return (await sendWithRsync()).sentBytes;
  } catch (error) {
    if (!isMissing(error)) throw error;
    const isHere = error.message.includes(where.target.name);
    const installed = isHere && (await installThere(context, where));
    if (installed) return (await sendWithRsync()).sentBytes;
    context.progress.note(`${error.message}: files are sent whole, by tar`);
    return sendWithTar(context, where, { root, paths });
  }
}

/** Where to show how far it is costs less than it tells. */
function isLong(bytes: number, files: number): boolean {
  return bytes > 32 * 1024 * 1024 && bytes / files > 16 * 1024;
}

function isMissing(error: unknown): error is SpuffError {
  return error instanceof SpuffError && error.code === 'unavailable';
}

async function installThere(context: AppContext, { target }: RemoteFolder): Promise<boolean> {
  const ssh = await context.ssh();
  const argv = ['sh', '-c', ensureRsync];
  return (await ssh.run(target, argv, { signal: context.signal, timeoutMs: 5 * 60_000 })).exitCode === 0;
}

/** Both tars, GNU's and libarchive's, take names so; `./` before each keeps them from being options. */
async function sendWithTar(
  context: AppContext,
  { target, folder }: RemoteFolder,
  { root, paths }: Pick<FilesToSend, 'root' | 'paths'>,
): Promise<null> {
  const child = await startProcess(['tar', '-c', '--format=pax', '--null', '-T', '-', '-f', '-'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: root,
    env: { LC_ALL: 'C', COPYFILE_DISABLE: '1' },
  });
  const stop = () => void child.kill('SIGTERM');
  context.signal.addEventListener('abort', stop, { once: true });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2_000);
  });
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code, signalName) => resolve(exitCodeOf(code, signalName)));
  });
  // It may end before it has read all; its exit status tells why.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(paths.map((path) => `./${path}\0`).join(''));
  try {
    const ssh = await context.ssh();
    const stdin = (child.stdout ?? []) as AsyncIterable<Uint8Array>;
    const argv = ['sh', '-c', unpackScript, 'spuff-sync', folder];
    const { exitCode, stderr } = await ssh.run(target, argv, { stdin, signal: context.signal });
    child.stdout?.destroy();
    const status = await ended;
    // 1 with GNU's tar: a file was written to while it was read; it is sent again the next time.
    if (exitCode === 0 && status <= 1) return null;
    const why = escapeText((stderr || said).trim().split('\n').slice(0, 3).join('; '), { singleLine: true });
    throw new SpuffError('permission', `not all files could be brought to ${target.name}: ${why}`, {
      hints: ['mend what tar complains of, and try again'],
    });
  } finally {
    context.signal.removeEventListener('abort', stop);
    stop();
  }
}
