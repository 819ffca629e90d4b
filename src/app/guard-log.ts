/** What the guard decided: the signatures of the local log. */
import type { AuditLine } from '../domain/audit.ts';
import { type GuardRecord, type RefusalReason, refusals } from '../domain/guard.ts';
import type { AppContext } from './context.ts';

export interface LogFilter {
  /** Name or key of an instance, which may be gone; none: of all. */
  name?: string;
  /** Not what is older, in ms since 1970. */
  sinceMs?: number;
  refusedOnly?: boolean;
}

/**
 * The records of the log, the oldest first. Lines that are no record are left out.
 * @throws SpuffError `permission` | `state` when the log can't be read
 */
export function readGuardLog(context: Pick<AppContext, 'audit'>, filter: LogFilter = {}): GuardRecord[] {
  const { sinceMs } = filter;
  const lines = context.audit.read({ kinds: ['signature'], ...(sinceMs !== undefined && { sinceMs }) });
  return lines.flatMap((line) => readRecord(line) ?? []).filter((record) => matches(record, filter));
}

function matches(record: GuardRecord, { name, refusedOnly }: LogFilter): boolean {
  if (name !== undefined && record.instanceName !== name && record.instanceKey !== name) return false;
  return !refusedOnly || record.decision === 'refused';
}

function readRecord({ at, details }: AuditLine): GuardRecord | null {
  return isRecord(details) ? { at, ...details } : null;
}

const texts = ['instanceKey', 'instanceName', 'session'] as const;
const requestTexts = ['keyFingerprint', 'destination', 'hostFingerprint', 'hostKey', 'user'] as const;

function isRecord(details: unknown): details is Omit<GuardRecord, 'at'> {
  if (!isObject(details) || !isObject(details['request'])) return false;
  const { request, reason, decision } = details;
  return (
    texts.every((name) => typeof details[name] === 'string') &&
    (decision === 'signed' || decision === 'refused') &&
    (reason === null || Object.hasOwn(refusals, reason as RefusalReason)) &&
    ['login', 'commit', 'other'].includes(request['kind'] as string) &&
    requestTexts.every((name) => request[name] === null || typeof request[name] === 'string')
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
