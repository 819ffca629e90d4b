import type { FileHandle } from 'node:fs/promises';
import type { OpenLog } from './open-log.ts';
import { createSemaphore } from './semaphore.ts';

/** Lines longer than this are cut: a log line is for reading. */
export const maxLineBytes = 16 * 1024;

/** At most this is read back from the end of a file, and given in one answer, as JSON has it. */
export const maxTailBytes = 1024 * 1024;

/** How many tails are read at once: each takes several times its size while it is. */
const readInTurn = createSemaphore(2);

export interface Tail {
  lines: string[];
  /** Whether there is more before these lines. */
  more: boolean;
  /** Where the file ended: what is appended later begins here. */
  endOffset: number;
  /** How long the last line is when it has no newline yet; 0: it has. */
  unfinishedBytes: number;
}

/** The last lines of a file, as many as one answer holds. A last line without its newline counts as one. */
export function readTail(log: OpenLog, count: number): Promise<Tail> {
  return readInTurn(() => readLastLines(log, count));
}

async function readLastLines({ handle, stats }: OpenLog, count: number): Promise<Tail> {
  const endOffset = stats.size;
  const chunks: Buffer[] = [];
  let start = endOffset;
  let newlines = 0;
  while (start > 0 && newlines <= count && endOffset - start < maxTailBytes) {
    const from = Math.max(0, start - 64 * 1024);
    const chunk = await readExactly(handle, from, start - from);
    chunks.unshift(chunk);
    for (const byte of chunk) if (byte === 0x0a) newlines++;
    start = from;
  }
  const text = Buffer.concat(chunks);
  const whole = text.at(-1) === 0x0a ? text.subarray(0, -1) : text;
  if (text.length === 0) return { lines: [], more: false, endOffset, unfinishedBytes: 0 };
  const all = splitLines(whole);
  // The first piece of a file that was not read from its beginning is only part of a line.
  const usable = start > 0 && all.length > 1 ? all.slice(1) : all;
  const lines = count === 0 ? [] : fitLines(usable.slice(-count));
  return {
    lines,
    more: start > 0 || usable.length > lines.length,
    endOffset,
    unfinishedBytes: text.length - 1 - text.lastIndexOf(0x0a),
  };
}

/** The last of the lines that fit into an answer: a byte of a file may take six in JSON. */
function fitLines(lines: string[]): string[] {
  let left = maxTailBytes;
  let from = lines.length;
  while (from > 0) {
    left -= Buffer.byteLength(JSON.stringify(lines[from - 1])) + 1;
    if (left < 0) break;
    from--;
  }
  return lines.slice(from);
}

export function splitLines(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let from = 0; from <= bytes.length; ) {
    const newline = bytes.indexOf(0x0a, from);
    const to = newline < 0 ? bytes.length : newline;
    lines.push(toLine(bytes.subarray(from, to)));
    from = to + 1;
  }
  return lines;
}

export function toLine(bytes: Buffer): string {
  const text = bytes.subarray(0, maxLineBytes).toString('utf8').replace(/\r$/, '');
  return bytes.length > maxLineBytes ? `${text}[cut: ${bytes.length} bytes]` : text;
}

async function readExactly(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await handle.read(buffer, at, length - at, from + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return buffer.subarray(0, at);
}
