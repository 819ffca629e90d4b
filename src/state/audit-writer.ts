/** Writes the local log: one line at a time, over all processes, each chained to the one before. */
import { close, constants, fdatasync, fstatSync, lstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditHead } from '../domain/audit.ts';
import { makePrivateDirectory, toFileError } from '../lib/atomic-file.ts';
import { listSegments, readSegment, segmentName, splitLines } from './audit-files.ts';
import type { HeadRow, HeadStore } from './audit-head.ts';
import { buildLine, follows, genesis, type LineContent, parseLine } from './audit-line.ts';
import { closesTorn, remarkTorn } from './audit-torn.ts';

export interface AuditWriterOptions {
  /** Of the files. */
  directory: string;
  heads: HeadStore;
  now: () => number;
  /** A file that is larger is followed by another. */
  maxSegmentBytes: number;
  /** So many files stay; older ones are dropped, which the log says. */
  keptSegments: number;
}

/** Where the next line goes. */
interface Place extends HeadRow {
  /** What closes a line that was cut off. */
  lead: string;
  /** What the log has to say of itself first. */
  remarks: readonly LineContent[];
  /** Files to remove once the log says so. */
  dropped: readonly number[];
}

/**
 * The line is in the file when this returns. The disk has it a moment later: what this protects from is people and programs,
 * and what a machine does can't take this computer's power away in between.
 * @throws SpuffError `state` | `permission` | `conflict`
 */
export function appendLine(options: AuditWriterOptions, content: LineContent): void {
  makePrivateDirectory(options.directory);
  options.heads.locked((row, save) => {
    const place = rotate(options, settle(options, row));
    const stamp = { nowMs: options.now(), pid: process.pid };
    let head: AuditHead = place;
    let text = place.lead;
    for (const one of [...place.remarks, content]) {
      const built = buildLine(one, head, stamp);
      head = built.head;
      text += `${built.text}\n`;
    }
    const bytes = append(join(options.directory, segmentName(place.segment)), text);
    save({ ...head, segment: place.segment, bytes, base: place.base });
    for (const number of place.dropped) rmSync(join(options.directory, segmentName(number)), { force: true });
  });
}

function remark(event: string, more: Record<string, unknown> = {}): LineContent {
  return { kind: 'log', details: { event, ...more } };
}

/** The end of the log as it is, after whatever became of the process that wrote last. */
function settle(options: AuditWriterOptions, row: HeadRow | null): Place {
  if (row === null) return begin(options);
  const path = join(options.directory, segmentName(row.segment));
  const size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const plain = { ...row, lead: '', remarks: [], dropped: [] };
  if (size === row.bytes) return plain;
  if (size > row.bytes) return catchUp(options, row);
  // Something was taken away. The chain goes on from what was written last, so that it stays seen.
  return { ...plain, lead: isEnded(options.directory, row.segment) ? '' : '\n' };
}

/**
 * The lines that were written after what is known, as long as they belong to the chain; and what a process that died in the
 * middle of a line has left behind them.
 */
function catchUp({ directory }: AuditWriterOptions, row: HeadRow): Place {
  const bytes = readSegment(directory, row.segment, row.bytes) ?? Buffer.alloc(0);
  let head: AuditHead = row;
  let junk: string[] = [];
  for (const { text } of splitLines(bytes)) {
    const parsed = parseLine(text);
    if (parsed === null) {
      junk.push(text);
      continue;
    }
    const { line, isWhole } = parsed;
    const belongs = isWhole && follows(line, head) && (junk.length === 0 || closesTorn(line, junk));
    junk = [];
    // Somebody else's: it stays as it is, and the check will name it.
    if (!belongs) break;
    head = { seq: line.seq, hash: line.hash };
  }
  const remarks = junk.length === 0 ? [] : [remarkTorn(junk)];
  return { ...row, ...head, lead: bytes.at(-1) === 0x0a ? '' : '\n', remarks, dropped: [] };
}

/** There is no head: the log is new, or the head was lost, which is written down. */
function begin(options: AuditWriterOptions): Place {
  const { directory } = options;
  const segments = listSegments(directory);
  const [first, last] = [segments[0], segments.at(-1)];
  const fresh = { ...genesis, segment: 1, bytes: 0, base: genesis, dropped: [] };
  if (first === undefined || last === undefined) return { ...fresh, lead: '', remarks: [remark('begun')] };
  const lines = segments.flatMap((number) => parseAll(directory, number));
  const [oldest, newest] = [lines[0], lines.at(-1)];
  const base = oldest && oldest.seq > 1 ? { seq: oldest.seq - 1, hash: oldest.prev } : genesis;
  const head = newest ? { seq: newest.seq, hash: newest.hash } : genesis;
  const lead = isEnded(directory, last) ? '' : '\n';
  return { ...fresh, ...head, segment: last, base, lead, remarks: [remark('head-lost')] };
}

function parseAll(directory: string, number: number) {
  return [...splitLines(readSegment(directory, number) ?? Buffer.alloc(0))].flatMap(
    ({ text }) => parseLine(text)?.line ?? [],
  );
}

/** Goes on in another file where this one is full, and drops the oldest where there are too many. */
function rotate(options: AuditWriterOptions, place: Place): Place {
  const { directory, maxSegmentBytes, keptSegments } = options;
  const size = lstatSync(join(directory, segmentName(place.segment)), { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxSegmentBytes || place.lead !== '') return place;
  const segments = listSegments(directory);
  const segment = Math.max(place.segment, ...segments) + 1;
  const remarks = [...place.remarks, remark('continued', { from: segmentName(place.segment) })];
  const dropped = segments.slice(0, Math.max(0, segments.length + 1 - keptSegments));
  const next = segments[dropped.length];
  const oldest = next === undefined ? undefined : parseAll(directory, next)[0];
  if (dropped.length === 0 || oldest === undefined) return { ...place, segment, remarks };
  const base = { seq: oldest.seq - 1, hash: oldest.prev };
  const files = dropped.map(segmentName);
  return { ...place, segment, base, dropped, remarks: [...remarks, remark('dropped', { files, ...base })] };
}

function isEnded(directory: string, segment: number): boolean {
  const bytes = readSegment(directory, segment);
  return bytes === null || bytes.length === 0 || bytes.at(-1) === 0x0a;
}

/** @returns the size of the file afterwards */
function append(path: string, text: string): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
  try {
    const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    const letGo = () => close(fd, () => undefined);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      const { size } = fstatSync(fd);
      fdatasync(fd, letGo);
      return size;
    } catch (error) {
      letGo();
      throw error;
    }
  } catch (error) {
    throw toFileError(error, `write ${path}`);
  }
}
