/** The port to the local log, on files in the home. Opens nothing before it is used. */
import type { AuditFilter, AuditLine, AuditLog, AuditReport } from '../domain/audit.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Runtime } from '../domain/provider.ts';
import { listSegments, readSegment, segmentName, splitLines } from './audit-files.ts';
import { type HeadRow, HeadStore } from './audit-head.ts';
import { parseLine } from './audit-line.ts';
import { type SegmentText, verifyChain } from './audit-verify.ts';
import { type AuditWriterOptions, appendLine } from './audit-writer.ts';

export interface AuditLogOptions {
  /** Where `audit-000001.ndjson` and so on are. */
  directory: string;
  /** The database that says where the log ends. */
  headPath: string;
  runtime: Pick<Runtime, 'now' | 'sleep'>;
  /** Hears, once, that something that was done all the same could not be written down. */
  onLost(error: unknown): void;
  /** 8 MiB unless told. */
  maxSegmentBytes?: number;
  /** 16 unless told. */
  keptSegments?: number;
}

/** How often a follower looks for more. */
const followMs = 500;

export function openAuditLog(options: AuditLogOptions): AuditLog {
  const { directory, runtime } = options;
  const heads = new HeadStore(options.headPath);
  const writing: AuditWriterOptions = {
    ...{ directory, heads, now: runtime.now },
    maxSegmentBytes: options.maxSegmentBytes ?? 8 * 1024 * 1024,
    keptSegments: options.keptSegments ?? 16,
  };
  let isTold = false;
  return {
    require: (entry) => appendLine(writing, entry),
    note: (entry) => {
      try {
        appendLine(writing, entry);
      } catch (error) {
        if (!isTold) options.onLost(error);
        isTold = true;
      }
    },
    read: (filter = {}) => readLines(directory, filter),
    follow: (signal) => followLines(directory, runtime, signal),
    verify: (fromHash) => verify(directory, heads, fromHash ?? null),
    close: () => {
      try {
        heads.close();
      } catch {
        // Every line is in its file already.
      }
    },
  };
}

function verify(directory: string, heads: HeadStore, fromHash: string | null): AuditReport {
  const row = heads.peek();
  const report = verifyChain({
    known: row && { head: row, base: row.base },
    segments: readSegments(directory, row),
    newestSeq: () => heads.peek()?.seq ?? row?.seq ?? 0,
    fromHash,
  });
  if (report) return report;
  throw new SpuffError('not-found', `no line of the log has the hash ${fromHash}`, {
    hints: [
      'if it was printed by spuff log verify on this computer, the log was written anew since, or that line was dropped',
      'see what is there: spuff log verify',
    ],
  });
}

/** One after the other, with those that must have been there. */
function* readSegments(directory: string, row: HeadRow | null): Generator<SegmentText> {
  const numbers = listSegments(directory);
  const first = row?.base.seq === 0 ? 1 : (numbers[0] ?? 1);
  const last = Math.max(row?.segment ?? 0, numbers.at(-1) ?? 0);
  // Whoever plants a file with a great number must not have millions of them looked for.
  const all = last - first < 10_000 ? countUp(first, last) : numbers;
  for (const number of all) yield { name: segmentName(number), bytes: readSegment(directory, number) };
}

function countUp(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function readLines(directory: string, { kinds, sinceMs, last }: AuditFilter): AuditLine[] {
  const wanted = last ?? Number.POSITIVE_INFINITY;
  let found: AuditLine[] = [];
  for (const number of listSegments(directory).reverse()) {
    const lines = linesOf(readSegment(directory, number));
    const here = lines.filter(
      ({ kind, at }) =>
        (kinds?.includes(kind) ?? true) && (sinceMs === undefined || Date.parse(at) >= sinceMs),
    );
    found = [...here, ...found];
    if (found.length >= wanted) break;
  }
  return wanted === 0 ? [] : found.slice(-wanted);
}

function linesOf(bytes: Buffer | null): AuditLine[] {
  return [...splitLines(bytes ?? Buffer.alloc(0))].flatMap(({ text }) => parseLine(text)?.line ?? []);
}

async function* followLines(
  directory: string,
  { sleep }: Pick<Runtime, 'sleep'>,
  signal: AbortSignal,
): AsyncGenerator<AuditLine> {
  let segment = listSegments(directory).at(-1) ?? 1;
  let at = readSegment(directory, segment)?.length ?? 0;
  while (!signal.aborted) {
    const bytes = readSegment(directory, segment, at) ?? Buffer.alloc(0);
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
    at += whole.length;
    yield* linesOf(whole);
    const next = listSegments(directory).find((number) => number > segment);
    if (next !== undefined && whole.length === 0) {
      segment = next;
      at = 0;
      continue;
    }
    await sleep(followMs, signal).catch(() => undefined);
  }
}
