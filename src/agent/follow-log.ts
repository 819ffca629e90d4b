import { lstat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogFrame } from '../protocol/response-schemas.ts';
import { AgentError } from './agent-error.ts';
import { type OpenLog, openLog } from './open-log.ts';
import { maxLineBytes, readTail, splitLines, toLine } from './read-log.ts';

/** How often the file is looked at. */
const pollMs = 400;

export interface FollowOptions {
  root: string;
  file: string;
  /** How many of the last lines come first. */
  lines: number;
  signal: AbortSignal;
  pollMs?: number;
}

/**
 * The last lines of a log and then each new one, also after the file was replaced (rotation) or cut. Ends when `signal`
 * aborts. Only the first opening throws; a file that is gone for a while is waited for.
 * @throws AgentError as `openLog`
 */
export async function* followLog(options: FollowOptions): AsyncGenerator<LogFrame> {
  let log: OpenLog | null = await openLog(options.root, options.file);
  const path = log.path;
  try {
    // The reader learns at once that it is open, however quiet it is.
    yield { type: 'ping' };
    const tail = await readTail(log, options.lines);
    // A line that is still being written comes when it is whole.
    const unfinished = tail.unfinishedBytes > 0 && tail.unfinishedBytes <= maxLineBytes;
    for (const line of unfinished ? tail.lines.slice(0, -1) : tail.lines) yield { type: 'line', line };
    let cursor = createCursor(tail.endOffset - (unfinished ? tail.unfinishedBytes : 0));
    while (!options.signal.aborted) {
      const lines = log ? await readNew(log, cursor) : [];
      for (const line of lines) yield { type: 'line', line };
      if (lines.length > 0) continue;
      if (await isReplaced(log, path, cursor)) {
        const rest = cursor.takeRest();
        if (rest !== null) yield { type: 'line', line: rest };
        await log?.handle.close();
        log = null;
        log = await reopen(options);
        cursor = createCursor(0);
        if (log) yield { type: 'rotated' };
      }
      await delay(options.pollMs ?? pollMs, undefined, { signal: options.signal }).catch(() => undefined);
    }
  } finally {
    await log?.handle.close();
  }
}

interface Cursor {
  offset: number;
  /** Gives the whole lines, and keeps what has no newline yet. */
  push(chunk: Buffer): string[];
  takeRest(): string | null;
}

function createCursor(offset: number): Cursor {
  let rest = Buffer.alloc(0);
  return {
    offset,
    push(chunk) {
      const bytes = Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(0x0a);
      rest = Buffer.from(bytes.subarray(end + 1));
      // A line without an end must not grow without one: what is cut anyway is not kept.
      if (rest.length > maxLineBytes + 1) rest = rest.subarray(0, maxLineBytes + 1);
      if (end < 0) return [];
      return splitLines(bytes.subarray(0, end));
    },
    takeRest() {
      const line = rest.length === 0 ? null : toLine(rest);
      rest = Buffer.alloc(0);
      return line;
    },
  };
}

/** The whole lines that have been added, or none at the end of the file. */
async function readNew(log: OpenLog, cursor: Cursor): Promise<string[]> {
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    const { bytesRead } = await log.handle.read(buffer, 0, buffer.length, cursor.offset);
    cursor.offset += bytesRead;
    const lines = cursor.push(buffer.subarray(0, bytesRead));
    if (bytesRead === 0 || lines.length > 0) return lines;
  }
}

/** Whether the name now belongs to another file, or the file is shorter than what was read of it. */
async function isReplaced(log: OpenLog | null, path: string, cursor: Cursor): Promise<boolean> {
  if (!log) return true;
  const [now, own] = [await lstat(path).catch(() => null), await log.handle.stat()];
  if (now && (now.ino !== own.ino || now.dev !== own.dev)) return true;
  return own.size < cursor.offset;
}

async function reopen(options: FollowOptions): Promise<OpenLog | null> {
  try {
    return await openLog(options.root, options.file);
  } catch (error) {
    // It may be back in a moment; one that has become a link or a device is not followed.
    if (error instanceof AgentError && error.code !== 'forbidden') return null;
    throw error;
  }
}
