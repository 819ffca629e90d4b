/** What the guard decided, from its log. */
import { join } from 'node:path';
import { type GuardRecord, type RefusalReason, refusals } from '../domain/guard.ts';
import { readPrivateFile } from '../lib/atomic-file.ts';
import type { AppContext } from './context.ts';

/** The guard begins a new file after 8 MiB. */
const maxLogBytes = 16 * 1024 * 1024;

export interface LogFilter {
  /** Name or key of an instance, which may be gone; none: of all. */
  name?: string;
  /** Not what is older, in ms since 1970. */
  sinceMs?: number;
  refusedOnly?: boolean;
}

/**
 * The records of the log, the oldest first. Lines that are no record are left out: the last one may be torn.
 * @throws SpuffError `permission` | `state` when the log can't be read
 */
export function readGuardLog(context: Pick<AppContext, 'home'>, filter: LogFilter = {}): GuardRecord[] {
  const path = join(context.home, 'log', 'guard.ndjson');
  const texts = [`${path}.1`, path].map((file) => readPrivateFile(file, maxLogBytes) ?? '');
  return texts
    .flatMap((text) => text.split('\n'))
    .flatMap((line) => readRecord(line) ?? [])
    .filter((record) => matches(record, filter));
}

function matches(record: GuardRecord, { name, sinceMs, refusedOnly }: LogFilter): boolean {
  if (name !== undefined && record.instanceName !== name && record.instanceKey !== name) return false;
  if (sinceMs !== undefined && Date.parse(record.at) < sinceMs) return false;
  return !refusedOnly || record.decision === 'refused';
}

function readRecord(line: string): GuardRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  return isRecord(value) ? value : null;
}

const texts = ['at', 'instanceKey', 'instanceName', 'session'] as const;
const requestTexts = ['keyFingerprint', 'destination', 'hostFingerprint', 'hostKey', 'user'] as const;

function isRecord(value: unknown): value is GuardRecord {
  if (!isObject(value) || !isObject(value['request'])) return false;
  const { request, reason, decision } = value;
  return (
    texts.every((name) => typeof value[name] === 'string') &&
    !Number.isNaN(Date.parse(value['at'] as string)) &&
    (decision === 'signed' || decision === 'refused') &&
    (reason === null || Object.hasOwn(refusals, reason as RefusalReason)) &&
    ['login', 'commit', 'other'].includes(request['kind'] as string) &&
    requestTexts.every((name) => request[name] === null || typeof request[name] === 'string')
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
