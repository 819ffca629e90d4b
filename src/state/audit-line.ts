/** The lines of the local log. A line's hash is over its own text before the hash, which names that of the line before. */
import type { AuditHead, AuditLine } from '../domain/audit.ts';
import { serializeScrubbed } from '../lib/scrub.ts';

/** Before the first line. */
export const genesis: AuditHead = { seq: 0, hash: '0'.repeat(64) };

/** No line is longer, so that looking for one ends somewhere. */
export const maxLineBytes = 64 * 1024;

export interface LineContent {
  kind: string;
  details: object;
}

/** @returns the line without its end, and the head that it makes */
export function buildLine(
  { kind, details }: LineContent,
  after: AuditHead,
  { nowMs, pid }: { nowMs: number; pid: number },
): { text: string; head: AuditHead } {
  const seq = after.seq + 1;
  const at = new Date(nowMs).toISOString();
  const written = serializeScrubbed(details);
  // What is cut is cut as a whole: half of a JSON text is none.
  const safe = Buffer.byteLength(written) <= maxLineBytes / 2 ? written : `{"cut":${written.length}}`;
  const front = `{"seq":${seq},"at":"${at}","pid":${pid},"kind":${JSON.stringify(kind)},"details":${safe},"prev":"${after.hash}"`;
  const hash = sha256(front);
  return { text: `${front},"hash":"${hash}"}`, head: { seq, hash } };
}

const shape = /^(\{"seq":[1-9]\d{0,15},.*,"prev":"[0-9a-f]{64}"),"hash":"([0-9a-f]{64})"\}$/s;

/**
 * @returns null for what is no line of the log; else the line, and whether its hash is its own
 */
export function parseLine(text: string): { line: AuditLine; isWhole: boolean } | null {
  const [, front, hash] = shape.exec(text) ?? [];
  if (front === undefined || hash === undefined) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isLine(value) ? { line: value, isWhole: sha256(front) === hash } : null;
}

export function sha256(text: string | Uint8Array): string {
  // Loaded when it is used: it costs more time than a command that only looks.
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
}

/** Whether a line comes right after a place in the chain. */
export function follows(line: AuditLine, head: AuditHead): boolean {
  return line.seq === head.seq + 1 && line.prev === head.hash;
}

function isLine(value: unknown): value is AuditLine {
  if (!isObject(value)) return false;
  const { seq, at, pid, kind, details } = value;
  return (
    Number.isSafeInteger(seq) &&
    typeof at === 'string' &&
    !Number.isNaN(Date.parse(at)) &&
    typeof pid === 'number' &&
    typeof kind === 'string' &&
    isObject(details)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
