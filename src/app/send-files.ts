/** Sends files to a machine: with rsync, and where there is none in a tar archive, whole. */
import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';
import { streamProcess } from '../lib/stream-process.ts';
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
  const tar = await streamProcess(['tar', '-c', '--format=pax', '--null', '-T', '-', '-f', '-'], {
    stdin: paths.map((path) => `./${path}\0`).join(''),
    ...{ cwd: root, env: { LC_ALL: 'C', COPYFILE_DISABLE: '1' }, signal: context.signal },
  });
  try {
    const ssh = await context.ssh();
    const argv = ['sh', '-c', unpackScript, 'spuff-sync', folder];
    const { exitCode, stderr } = await ssh.run(target, argv, { stdin: tar.stream, signal: context.signal });
    const { exitCode: status, said } = await tar.end();
    // 1 with GNU's tar: a file was written to while it was read; it is sent again the next time.
    if (exitCode === 0 && status <= 1) return null;
    const why = escapeText((stderr || said).trim().split('\n').slice(0, 3).join('; '), { singleLine: true });
    throw new SpuffError('permission', `not all files could be brought to ${target.name}: ${why}`, {
      hints: ['mend what tar complains of, and try again'],
    });
  } finally {
    tar.stop();
  }
}
