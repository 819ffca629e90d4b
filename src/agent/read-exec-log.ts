import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { AgentResponse, ExecOutcome } from '../protocol/response-schemas.ts';

/** Two lines a command, with the same id: one before it starts, one when it has ended. */
export type LogLine =
  | {
      event: 'start';
      id: string;
      /** Counts the commands since the log began, so that what is missing shows. */
      n: number;
      at: string;
      user: string;
      argv: string[];
      cwd: string | null;
    }
  | {
      event: 'end';
      id: string;
      at: string;
      outcome: ExecOutcome;
      exitCode: number | null;
      signal: string | null;
      durationMs: number;
    };

type StartLine = Extract<LogLine, { event: 'start' }>;
type EndLine = Extract<LogLine, { event: 'end' }>;
type Entry = AgentResponse<'execLog'>['entries'][number];

/** The files of the log, the newest first. */
export function logFiles(path: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index === 0 ? path : `${path}.${index}`));
}

/**
 * The newest commands first. Reads backwards and no further than it must, so that the size of the log costs nothing.
 * @param files the newest first
 * @param running the ids that have not ended, as far as this process knows
 */
export function readEntries(
  files: readonly string[],
  limit: number,
  running: ReadonlySet<string>,
): AgentResponse<'execLog'> {
  const entries: Entry[] = [];
  const ends = new Map<string, EndLine>();
  let damagedLines = 0;
  for (const line of readBackwards(files)) {
    if (line === null) damagedLines++;
    else if (line.event === 'end') ends.set(line.id, line);
    else if (entries.push(toEntry(line, ends.get(line.id), running)) >= limit) break;
  }
  return { entries, damagedLines, droppedEntries: countDropped(files) };
}

/** How many commands were written down before; 0 when there is none. */
export function readLastNumber(files: readonly string[]): number {
  for (const line of readBackwards(files)) if (line?.event === 'start') return line.n;
  return 0;
}

/** How many commands stood in files that are gone: all before the oldest that is left. */
function countDropped(files: readonly string[]): number {
  for (const file of [...files].reverse()) {
    for (const text of textLines(file, 'forwards')) {
      const line = parseLine(text);
      if (line?.event === 'start') return line.n - 1;
    }
  }
  return 0;
}

function* readBackwards(files: readonly string[]): Generator<LogLine | null> {
  for (const file of files) for (const text of textLines(file, 'backwards')) yield parseLine(text);
}

const blockBytes = 64 * 1024;

/** The lines of a file that are not empty, from its beginning or from its end; none when it can't be read. */
function* textLines(path: string, direction: 'forwards' | 'backwards'): Generator<string> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return;
  }
  try {
    const { size } = fstatSync(fd);
    const isForwards = direction === 'forwards';
    let rest = Buffer.alloc(0);
    for (let done = 0; done < size; ) {
      const length = Math.min(blockBytes, size - done);
      const block = Buffer.alloc(length);
      const read = readSync(fd, block, 0, length, isForwards ? done : size - done - length);
      if (read < length) return;
      done += length;
      const lines = splitBytes(Buffer.concat(isForwards ? [rest, block] : [block, rest]));
      // The line at the edge of what was read so far may go on in the next block.
      if (done < size) rest = (isForwards ? lines.pop() : lines.shift()) ?? rest;
      for (const line of isForwards ? lines : lines.reverse())
        if (line.length > 0) yield line.toString('utf8');
    }
  } finally {
    closeSync(fd);
  }
}

function splitBytes(bytes: Buffer): Buffer<ArrayBuffer>[] {
  const lines: Buffer<ArrayBuffer>[] = [];
  for (let from = 0; from <= bytes.length; ) {
    const newline = bytes.indexOf(0x0a, from);
    const to = newline < 0 ? bytes.length : newline;
    lines.push(Buffer.from(bytes.subarray(from, to)));
    from = to + 1;
  }
  return lines;
}

function parseLine(text: string): LogLine | null {
  try {
    const line = JSON.parse(text) as Partial<LogLine> | null;
    const isWhole =
      typeof line?.id === 'string' &&
      (line.event === 'end' ||
        (line.event === 'start' && Array.isArray(line.argv) && Number.isSafeInteger(line.n)));
    return isWhole ? (line as LogLine) : null;
  } catch {
    return null;
  }
}

function toEntry(line: StartLine, end: EndLine | undefined, running: ReadonlySet<string>): Entry {
  const { id, user, argv, cwd, at } = line;
  return {
    id,
    user,
    argv,
    cwd,
    startedAt: at,
    endedAt: end?.at ?? null,
    // A start without an end that is not running now: the agent or the machine went down meanwhile.
    outcome: end?.outcome ?? (running.has(id) ? null : 'unknown'),
    exitCode: end?.exitCode ?? null,
    signal: end?.signal ?? null,
    durationMs: end?.durationMs ?? null,
  };
}
