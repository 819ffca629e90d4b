import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SpuffError, systemErrorCode } from '../../domain/errors.ts';
import { makePrivateDirectory, toFileError } from '../../lib/atomic-file.ts';
import { escapeText } from '../../lib/escape.ts';
import { exitCodeOf, runProcess, startProcess } from '../../lib/process.ts';
import { buildFailure, missingBuilder } from './image-build-errors.ts';
import { aptOptions, dpkgOptions, packages, removedFiles, suite } from './image-recipe.ts';
import { type ArchiveEntry, streamArchive } from './tar-archive.ts';

export interface ImageBuild {
  /** `SPUFF_HOME`; packages are kept below it, so that the next build downloads only what is new. */
  home: string;
  overlay: readonly ArchiveEntry[];
  signal: AbortSignal;
  onLine: (line: string) => void;
}

/**
 * Makes the root file system of the recipe and gives it to `take` as an uncompressed tar stream. The stream ends well only
 * when the build did. Without root it is built in a user namespace. Returns and throws when the builder has ended and nothing
 * of it is left. One at a time below a home: what another build has there is taken for a dead one's and removed.
 * @throws SpuffError `unavailable` or `unsupported` when this computer can't build, naming the remedy; `state` or
 * `permission` for a file that can't be made, and ProviderError when the build fails
 */
export async function buildRootFileSystem<T>(
  build: ImageBuild,
  take: (archive: Readable) => Promise<T>,
): Promise<T> {
  await checkBuilder(build.signal);
  const cache = join(build.home, 'cache');
  makePrivateDirectory(build.home);
  makePrivateDirectory(cache);
  makePrivateDirectory(join(cache, 'apt'));
  await removeDeadBuilds(cache);
  const work = await onFile(`make a directory in ${cache}`, () => mkdtemp(join(cache, 'image-')));
  try {
    makePrivateDirectory(join(work, 'packages'));
    await writeOverlay(build.overlay, join(work, 'overlay.tar'));
    const result = await runBuilder(build, work, take);
    await keepPackages(join(work, 'packages'), join(cache, 'apt'));
    return result;
  } finally {
    await removeDirectory(work);
  }
}

/** What was left by a build that could not end itself: killed, or cut off with the computer. */
async function removeDeadBuilds(cache: string): Promise<void> {
  const names = await onFile(`read ${cache}`, () => readdir(cache));
  for (const name of names) if (name.startsWith('image-')) await removeDirectory(join(cache, name));
}

async function writeOverlay(entries: readonly ArchiveEntry[], path: string): Promise<void> {
  try {
    await pipeline(streamArchive(entries), createWriteStream(path, { mode: 0o600 }));
  } catch (error) {
    // A file that is read is named in the error; a disk that is full is not.
    const named = error instanceof Error && 'path' in error ? String(error.path) : path;
    throw toFileError(error, named === path ? `write ${path}` : `read ${named}`);
  }
}

async function keepPackages(from: string, to: string): Promise<void> {
  await onFile(`close ${from} to others`, () => closeToOthers(from));
  await removeDirectory(to);
  await onFile(`write ${to}`, () => rename(from, to));
}

function removeDirectory(path: string): Promise<void> {
  return onFile(`remove ${path}`, () => rm(path, { recursive: true, force: true }));
}

async function onFile<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toFileError(error, what);
  }
}

/** What mmdebstrap copies out has the modes that it has in the image. Until here the folder above it kept others out. */
async function closeToOthers(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink())
      await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
  }
  await chmod(folder, 0o700);
}

async function checkBuilder(signal: AbortSignal): Promise<void> {
  if (process.platform !== 'linux') throw missingBuilder('unsupported');
  try {
    await runProcess(['mmdebstrap', '--version'], { signal });
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'unavailable') throw missingBuilder('unavailable');
    throw error;
  }
}

/** Paths are relative to the working directory: mmdebstrap splits what stands in a hook at spaces. */
function builderArguments(): string[] {
  const asRoot = process.getuid?.() === 0;
  return [
    'mmdebstrap',
    `--mode=${asRoot ? 'root' : 'unshare'}`,
    '--variant=apt',
    '--format=tar',
    `--include=${packages.join(',')}`,
    ...aptOptions.map((option) => `--aptopt=${option}`),
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
    '--skip=download/empty,essential/unlink',
    '--setup-hook=mkdir -p "$1/var/cache/apt/archives/partial"',
    '--setup-hook=sync-in ../apt /var/cache/apt/archives',
    // They are closed to others at home. On a machine apt gives up its rights before it downloads, and needs the way.
    '--setup-hook=chmod -R go=rX "$1/var/cache/apt/archives"',
    '--customize-hook=APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -q autoclean',
    '--customize-hook=sync-out /var/cache/apt/archives packages',
    '--customize-hook=tar-in overlay.tar /',
    ...removedFiles.map((pattern) => `--customize-hook=rm -f "$1"/${pattern}`),
    suite,
    '-',
  ];
}

async function runBuilder<T>(
  build: ImageBuild,
  work: string,
  take: (archive: Readable) => Promise<T>,
): Promise<T> {
  build.signal.throwIfAborted();
  const child = await startProcess(builderArguments(), {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: work,
    // /tmp may be small and in memory; in a user namespace the directory must be open to other users.
    env: existsSync('/var/tmp') ? { TMPDIR: '/var/tmp' } : {},
    // A process group of its own: see `stop`, and a Ctrl-C of the terminal must not come to it twice.
    detached: true,
  });
  // To all of the group: mmdebstrap itself waits for apt and dpkg. Not SIGKILL: it removes its temporary root file system.
  const stop = () => endGroup(child, 'SIGTERM');
  build.signal.addEventListener('abort', stop, { once: true });
  if (build.signal.aborted) stop();
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    return await take(Readable.from(readToEnd(child, ended, followLines(child, build.onLine))));
  } catch (error) {
    stop();
    child.stdout?.destroy();
    await ended;
    throw error;
  } finally {
    build.signal.removeEventListener('abort', stop);
  }
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

/** What the builder prints; it only ends well when the builder does, so that nobody takes half an archive for a whole one. */
async function* readToEnd(
  child: ChildProcess,
  ended: Promise<[number | null, NodeJS.Signals | null]>,
  lines: readonly string[],
): AsyncGenerator<Buffer> {
  yield* child.stdout as AsyncIterable<Buffer>;
  const exitCode = exitCodeOf(...(await ended));
  if (exitCode !== 0) throw buildFailure(exitCode, lines);
}

/** The last lines of what it says on standard error, safe to print. */
function followLines(child: ChildProcess, onLine: (line: string) => void): string[] {
  const last: string[] = [];
  if (!child.stderr) return last;
  createInterface({ input: child.stderr }).on('line', (line) => {
    const safe = escapeText(line, { singleLine: true });
    last.push(safe);
    if (last.length > 60) last.shift();
    onLine(safe);
  });
  return last;
}
