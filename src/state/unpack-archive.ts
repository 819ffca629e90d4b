/** Takes a rescue apart. What is in it was written by a machine that may mean harm, so it is taken file by file or not at all. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { readSummary } from '../domain/read-rescue.ts';
import {
  defaultRescueLimits,
  type Rescue,
  type RescueSummary,
  rescueFiles,
  rescueSummaryName,
} from '../domain/rescue.ts';
import { escapeText } from '../lib/escape.ts';

const mostFiles = 500_000;
const mostSummaryBytes = 64 * 1024 * 1024;
/** Whoever has a machine send more has it stopped before; a file from elsewhere may still be too much for a disk. */
const mostBytes = 100 * defaultRescueLimits.maxHistoryBytes;

type ArchiveEntry = AsyncIterable<Uint8Array> & { header: Header };

/**
 * Writes what is in a rescue to a folder that is empty.
 * @returns null where the end is missing
 * @throws SpuffError `state` for what no rescue has in it, and what reading a damaged archive throws
 */
export async function unpackArchive(
  rescue: Pick<Rescue, 'name'>,
  stream: AsyncIterable<Uint8Array>,
  directory: string,
): Promise<RescueSummary | null> {
  const archive = extract();
  const source = Readable.from(stream);
  source.on('error', (error) => archive.destroy(error));
  source.pipe(archive as unknown as NodeJS.WritableStream);
  let summary: RescueSummary | null = null;
  const count = { files: 0, bytes: 0 };
  for await (const entry of archive as AsyncIterable<ArchiveEntry>) {
    const { header } = entry;
    const size = sizeOf(rescue, header);
    count.files++;
    count.bytes += size;
    if (summary !== null) throw refused(rescue, header, 'comes after the end');
    if (count.files > mostFiles || count.bytes > mostBytes) throw refused(rescue, header, 'is one too many');
    const parts = checkName(rescue, header);
    if (header.name === rescueSummaryName) summary = await readSummaryEntry(rescue, header, entry);
    else await writeEntry(directory, parts, header, entry);
  }
  return summary;
}

/** The library gives null for a number in base 256 that is none, and then waits for ever for what it never gives. */
function sizeOf(rescue: Pick<Rescue, 'name'>, header: Header): number {
  const size: unknown = header.size;
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size;
  throw refused(rescue, header, 'has a size that is no number');
}

const patches: readonly string[] = [rescueFiles.commits, rescueFiles.staged, rescueFiles.changes];

/** @returns the parts of a path that leads nowhere but into the folder, and to nothing that git would believe */
function checkName(rescue: Pick<Rescue, 'name'>, header: Header): string[] {
  const { name, type } = header;
  if (type !== 'file' && type !== 'contiguous-file') throw refused(rescue, header, `is a ${type}`);
  if (name === rescueSummaryName) return [name];
  const parts = name.split('/');
  const [directory = '', kind = '', ...rest] = parts;
  if (name.length > 4_000 || /[\0]/.test(name) || parts.some((part) => ['', '.', '..'].includes(part)))
    throw refused(rescue, header, 'leads out of the folder');
  if (!/^[A-Za-z0-9_+][A-Za-z0-9._+-]{0,120}$/.test(directory))
    throw refused(rescue, header, 'is no name of a repository');
  if (rest.length === 0 ? !patches.includes(kind) : kind !== rescueFiles.untracked)
    throw refused(rescue, header, 'has no place in a rescue');
  // Some file systems take other spellings for the same name.
  if (rest.some((part) => /^(?:\.git|git~\d+)[. ]*$/i.test(part.replaceAll(/\p{Cf}/gu, ''))))
    throw refused(rescue, header, 'would be a repository of its own');
  return parts;
}

async function readSummaryEntry(
  rescue: Pick<Rescue, 'name'>,
  header: Header,
  entry: AsyncIterable<Uint8Array>,
): Promise<RescueSummary> {
  if (sizeOf(rescue, header) > mostSummaryBytes) throw refused(rescue, header, 'is too large');
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  const summary = readSummary(Buffer.concat(chunks).toString('utf8'));
  if (summary) return summary;
  throw refused(rescue, header, 'is not what it should be');
}

async function writeEntry(
  directory: string,
  parts: readonly string[],
  header: Header,
  entry: AsyncIterable<Uint8Array>,
): Promise<void> {
  const path = join(directory, ...parts);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const isProgram = ((header.mode ?? 0) & 0o100) !== 0;
  const fd = openNew(path, isProgram ? 0o700 : 0o600);
  try {
    for await (const chunk of entry) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
  } finally {
    closeSync(fd);
  }
}

/** Beside one that is there: names that differ by a capital are the same on some file systems. */
function openNew(path: string, mode: number): number {
  for (let nth = 1; ; nth++) {
    try {
      return openSync(nth === 1 ? path : `${path}~${nth}`, 'wx', mode);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST' || nth > 100) throw error;
    }
  }
}

function refused({ name }: Pick<Rescue, 'name'>, header: Header, why: string): SpuffError {
  const shown = escapeText(header.name.slice(0, 200), { singleLine: true });
  return new SpuffError('state', `${name} was not unpacked: ${JSON.stringify(shown)} in it ${why}`, {
    hints: ['a machine of yours would not send that: look at what ran on it'],
  });
}
