/** The work of a whole home that lies nowhere else, as one tar archive on a stream. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
} from 'node:fs';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Pack, pack } from 'tar-stream';
import {
  isLost,
  type LeftOut,
  type LeftOutReason,
  type RescuedRepository,
  type RescueLimits,
  type RescueSummary,
  type RescueTrailer,
  rescueFiles,
  rescueSummaryName,
} from '../domain/rescue.ts';
import {
  type Budget,
  type CollectedRepository,
  collectRepository,
  type MadeFile,
} from './collect-repository.ts';
import { findRepositories, type ScanLimits } from './find-repositories.ts';

export interface CollectRequest {
  home: string;
  /** Where git may write what is to be sent, for as long as that takes. */
  temporary: string;
  limits: RescueLimits;
  scan?: ScanLimits;
}

const prefix = 'spuff-rescue-';
/** No run takes so long. */
const oldMs = 3_600_000;

/** Most that the last line names of what was left out. */
const mostNamed = 20;

/**
 * Sends the archive to `send`, which is waited for. Whatever goes wrong with one repository stops no other, and is told.
 * @returns what a reader can check the archive by
 */
export async function collectWork(
  request: CollectRequest,
  send: (chunk: Uint8Array) => Promise<void>,
): Promise<RescueTrailer> {
  await removeOld(request.temporary);
  const folder = await mkdtemp(join(request.temporary, prefix));
  const archive = pack();
  const sending = measure(archive, send);
  const writing = writeAll(archive, request, folder).then(
    (summary) => {
      archive.finalize();
      return summary;
    },
    (error: unknown) => {
      archive.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  try {
    const [sent, summary] = await Promise.all([sending, writing]);
    return { ...sent, ...sumUp(summary) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a run that was killed has left. */
async function removeOld(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name);
    const stat = name.startsWith(prefix) ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
    const isOld = stat !== undefined && Date.now() - stat.mtimeMs > oldMs;
    if (isOld && stat.uid === process.getuid?.()) await rm(path, { recursive: true, force: true });
  }
}

async function measure(
  archive: Pack,
  send: (chunk: Uint8Array) => Promise<void>,
): Promise<Pick<RescueTrailer, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of archive as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      bytes += chunk.length;
      await send(chunk);
    }
  } catch (error) {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
  return { bytes, sha256: hash.digest('hex') };
}

function sumUp({ repositories, leftOut }: RescueSummary): Omit<RescueTrailer, 'bytes' | 'sha256'> {
  const sum = (of: (one: RescuedRepository) => number) =>
    repositories.reduce((total, one) => total + of(one), 0);
  return {
    repositories: repositories.length,
    commits: sum(({ commits }) => commits),
    stashes: sum(({ stashes }) => stashes),
    patches: sum(({ hasStaged, hasChanges }) => Number(hasStaged) + Number(hasChanges)),
    files: sum(({ untracked }) => untracked),
    leftOut: leftOut.length,
    lost: leftOut.filter(isLost).length,
    // What is lost first.
    named: [...leftOut].sort((one, other) => Number(isLost(other)) - Number(isLost(one))).slice(0, mostNamed),
  };
}

/** History and changes of all repositories first: untracked files must not take their room. */
async function writeAll(archive: Pack, request: CollectRequest, folder: string): Promise<RescueSummary> {
  const home = await realpath(request.home);
  const { found, leftOut } = findRepositories(home, request.scan);
  const budget: Budget = {
    historyBytes: request.limits.maxHistoryBytes,
    filesBytes: request.limits.maxFilesBytes,
  };
  const names = new Set<string>();
  const histories = new Set<string>();
  const collected: { one: CollectedRepository; root: string; directory: string }[] = [];
  for (const [at, repository] of found.entries()) {
    const isFirst = !histories.has(repository.commonDir);
    histories.add(repository.commonDir);
    const work = join(folder, String(at));
    const one = await collectRepository(repository, work, budget, isFirst);
    const directory = nameDirectory(repository.path, names);
    for (const file of one.files) await addMade(archive, `${directory}/${file.name}`, file);
    await rm(work, { recursive: true, force: true });
    collected.push({ one, root: repository.root, directory });
    leftOut.push(...one.leftOut);
  }
  const repositories: RescuedRepository[] = [];
  for (const { one, root, directory } of collected) {
    const untracked = await addUntracked({ archive, root, directory, one, budget, leftOut }, request.limits);
    const hasLeft = leftOut.some(({ repository }) => repository === one.about.path);
    if (one.files.length + untracked > 0 || hasLeft)
      repositories.push({ ...one.about, directory, untracked });
  }
  const summary: RescueSummary = { version: 1, repositories, leftOut };
  await addText(archive, rescueSummaryName, JSON.stringify(summary));
  return summary;
}

/** One name of plain characters for each repository, so that none lies in another's files. */
function nameDirectory(path: string, taken: Set<string>): string {
  const plain = path
    .replaceAll('/', '+')
    .replaceAll(/[^A-Za-z0-9._+-]/g, '_')
    .replace(/^[.-]/, '_')
    .slice(0, 100);
  const name = plain === '' ? 'home' : plain;
  for (let at = 1; ; at++) {
    const candidate = at === 1 ? name : `${name}-${at}`;
    // Some file systems take capitals and small letters for the same.
    if (taken.has(candidate.toLowerCase())) continue;
    taken.add(candidate.toLowerCase());
    return candidate;
  }
}

async function addText(archive: Pack, name: string, text: string): Promise<void> {
  const content = Buffer.from(text);
  const entry = archive.entry({ name, mode: 0o600, size: content.length });
  entry.on('error', () => undefined);
  await writeAllOf(entry, [content], content.length);
}

async function addMade(archive: Pack, name: string, { path, bytes }: MadeFile): Promise<void> {
  const entry = archive.entry({ name, mode: 0o600, size: bytes });
  entry.on('error', () => undefined);
  await writeAllOf(entry, createReadStream(path), bytes);
}

interface UntrackedFiles {
  archive: Pack;
  root: string;
  directory: string;
  one: CollectedRepository;
  budget: Budget;
  leftOut: LeftOut[];
}

/** @returns how many were sent */
async function addUntracked(of: UntrackedFiles, limits: RescueLimits): Promise<number> {
  let sent = 0;
  for (const path of of.one.untracked) {
    const left = await addFile(of, path, limits);
    if (left === null) sent++;
    else
      of.leftOut.push({ repository: of.one.about.path, part: 'file', path: path.toString('utf8'), ...left });
  }
  return sent;
}

type Left = Pick<LeftOut, 'bytes' | 'why' | 'detail'>;

async function addFile(
  { archive, root, directory, budget }: UntrackedFiles,
  path: Buffer,
  limits: RescueLimits,
): Promise<Left | null> {
  const name = path.toString('utf8');
  if (!Buffer.from(name).equals(path)) return left('strange-name');
  const full = join(root, name);
  const opened = openRegular(full);
  if (!('fd' in opened)) return opened;
  const { fd, bytes, mode } = opened;
  try {
    if (bytes > limits.maxFileBytes) return left('too-large', bytes);
    if (bytes > budget.filesBytes) return left('no-room', bytes);
    budget.filesBytes -= bytes;
    const isProgram = (mode & 0o100) !== 0;
    const entry = archive.entry({
      ...{
        name: `${directory}/${rescueFiles.untracked}/${name}`,
        mode: isProgram ? 0o700 : 0o600,
        size: bytes,
      },
    });
    entry.on('error', () => undefined);
    const content =
      bytes === 0 ? [] : createReadStream(full, { fd, autoClose: false, start: 0, end: bytes - 1 });
    await writeAllOf(entry, content, bytes);
    return null;
  } finally {
    closeSync(fd);
  }
}

/** Without following a link, and without waiting for whoever would write into a pipe. */
function openRegular(path: string): { fd: number; bytes: number; mode: number } | Left {
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) return left('link', null, readlinkSync(path));
    if (!stat.isFile()) return left('special');
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size, mode } = fstatSync(fd);
    return { fd, bytes: size, mode };
  } catch {
    return left('unreadable');
  }
}

function left(why: LeftOutReason, bytes: number | null = null, detail: string | null = null): Left {
  return { why, bytes, detail };
}

/** Exactly `bytes`: what a file has lost since its size was told is made up with zeros, or the archive would be none. */
async function writeAllOf(
  entry: ReturnType<Pack['entry']>,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  bytes: number,
): Promise<void> {
  let written = 0;
  for await (const chunk of content) {
    written += chunk.length;
    if (!entry.write(chunk)) await once(entry, 'drain');
  }
  while (written < bytes) {
    const zeros = Buffer.alloc(Math.min(65_536, bytes - written));
    written += zeros.length;
    if (!entry.write(zeros)) await once(entry, 'drain');
  }
  entry.end(undefined);
}
