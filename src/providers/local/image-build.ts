import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SpuffError } from '../../domain/errors.ts';
import { makePrivateDirectory } from '../../lib/atomic-file.ts';
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
 * when the build did. Without root it is built in a user namespace.
 * @throws SpuffError `unavailable` or `unsupported` when this computer can't build, naming the remedy, and
 * ProviderError when the build fails
 */
export async function buildRootFileSystem<T>(
  build: ImageBuild,
  take: (archive: Readable) => Promise<T>,
): Promise<T> {
  await checkBuilder(build.signal);
  const cache = join(build.home, 'cache');
  makePrivateDirectory(build.home);
  makePrivateDirectory(cache);
  await mkdir(join(cache, 'apt'), { recursive: true });
  const work = await mkdtemp(join(cache, 'image-'));
  try {
    await mkdir(join(work, 'packages'));
    await pipeline(streamArchive(build.overlay), createWriteStream(join(work, 'overlay.tar')));
    const result = await runBuilder(build, work, take);
    await rm(join(cache, 'apt'), { recursive: true, force: true });
    await rename(join(work, 'packages'), join(cache, 'apt'));
    return result;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
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
  });
  // Not SIGKILL: mmdebstrap removes its temporary root file system.
  const stop = () => void child.kill('SIGTERM');
  build.signal.addEventListener('abort', stop, { once: true });
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
