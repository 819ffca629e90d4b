/** The files of the local log: `audit-000001.ndjson` and those that go on where it was full. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { toFileError } from '../lib/atomic-file.ts';

export function segmentName(number: number): string {
  return `audit-${String(number).padStart(6, '0')}.ndjson`;
}

/** The numbers of the files in a directory, the oldest first; none where there is no such directory. */
export function listSegments(directory: string): number[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw toFileError(error, `look into ${directory}`);
  }
  return names
    .flatMap((name) => /^audit-(\d{6})\.ndjson$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Files are begun anew at 8 MiB; one that is this large is not ours. */
const maxSegmentBytes = 256 * 1024 * 1024;

/**
 * Reads a file from an offset to its end.
 * @returns null when there is no such file
 * @throws SpuffError `state` | `permission` when it can't be read, or is no file of ours
 */
export function readSegment(directory: string, number: number, from = 0): Buffer | null {
  const path = join(directory, segmentName(number));
  try {
    const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      requireFile(stat.isFile() && stat.size <= maxSegmentBytes, path);
      const bytes = Buffer.alloc(Math.max(0, stat.size - from));
      let size = 0;
      for (let count = 1; count > 0 && size < bytes.length; size += count)
        count = readSync(fd, bytes, size, bytes.length - size, from + size);
      return bytes.subarray(0, size);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw toFileError(error, `read ${path}`);
  }
}

function requireFile(isOne: boolean, path: string): void {
  if (isOne) return;
  throw new SpuffError('state', `${path} is not a file of the log`, {
    hints: ['look at what it is, and move it away'],
  });
}

/** A piece of a file up to the end of a line, or what is left behind the last one. */
export interface RawLine {
  /** From 1. */
  number: number;
  text: string;
  /** false: the file ends without an end of line. */
  isEnded: boolean;
}

/** Bytes that are no UTF-8 come as replacement characters, and are no line then. */
export function* splitLines(bytes: Buffer): Generator<RawLine> {
  let number = 1;
  for (let from = 0; from < bytes.length; number++) {
    const end = bytes.indexOf(0x0a, from);
    const isEnded = end >= 0;
    yield { number, text: bytes.toString('utf8', from, isEnded ? end : bytes.length), isEnded };
    from = isEnded ? end + 1 : bytes.length;
  }
}
