/** The guard's policy and decisions for people. Foreign text is escaped by the tables it stands in. */
import { formatDuration } from '../../domain/duration.ts';
import {
  type GuardPolicy,
  type GuardRecord,
  type GuardRequest,
  type GuardStatus,
  refusals,
} from '../../domain/guard.ts';
import type { GuardAnswer } from '../../domain/guard-control.ts';
import type { Paint } from './terminal.ts';
import { formatFields, formatMoment, formatTable } from './text.ts';

const longestName = 60;

export function formatGuards(guards: readonly GuardAnswer[], nowMs: number, paint: Paint): string {
  const header = ['INSTANCE', 'SESSION', 'PROCESS', 'SIGNED', 'REFUSED', 'LEASE ENDS'];
  const rows = guards.map((answer) =>
    answer.ok
      ? describeGuard(answer.status, nowMs)
      : [answer.instanceKey, answer.session, '', '', '', `not known: ${answer.error}`],
  );
  return formatTable(rows, { header, paint });
}

function describeGuard(status: GuardStatus, nowMs: number): string[] {
  const { instanceName, session, pid, signed, refused, leaseEndsAt, revoked } = status;
  const ends = revoked ? 'revoked' : formatMoment(new Date(leaseEndsAt), nowMs);
  return [instanceName, session, String(pid), String(signed), String(refused), ends];
}

export function formatPolicy(policy: GuardPolicy, paint: Paint): string {
  const { keys, destinations, confirm, confirmTimeoutMs, leaseMs, rate, commitSigning } = policy;
  const lists = keys.map((list) => (list.length === 0 ? 'none' : list.join(', ')));
  const asks = `${confirm}, no answer in ${formatDuration(confirmTimeoutMs)} is a no`;
  const fields = formatFields(
    [
      ['keys', lists.length === 0 ? 'all of your ssh-agent' : lists.join('; of these: ')],
      ['confirm', confirm === 'never' && commitSigning !== 'confirm' ? confirm : asks],
      ['lease', `${formatDuration(leaseMs)} at most`],
      ['rate', `${rate.perMinute} a minute, ${rate.burst} at once`],
      ['commit signing', commitSigning],
    ],
    paint,
  );
  if (destinations.length === 0) return `${fields}\n\nno host is allowed`;
  const rows = destinations.map(({ name, users, hostKeys, plain }) => [
    name,
    users.join(', '),
    String(hostKeys.length),
    plain ? 'plain will do' : 'bound to the host',
  ]);
  return `${fields}\n\n${formatTable(rows, { header: ['HOST', 'AS', 'HOST KEYS', 'SIGNATURES'], paint })}`;
}

export function formatRecords(records: readonly GuardRecord[], nowMs: number, paint: Paint): string {
  const header = ['WHEN', 'INSTANCE', 'DECISION', 'WHAT', 'KEY', 'WHY'];
  const rows = records.map(({ at, instanceName, decision, reason, request }) => [
    formatMoment(new Date(at), nowMs),
    cut(instanceName),
    decision,
    describeRequest(request),
    cut(request.keyFingerprint ?? ''),
    reason === null ? '' : refusals[reason],
  ]);
  return formatTable(rows, { header, paint });
}

function describeRequest({ kind, destination, hostFingerprint, user }: GuardRequest): string {
  if (kind === 'commit') return 'sign a commit';
  if (kind === 'other') return '';
  return `log in to ${cut(destination ?? hostFingerprint ?? '?')} as ${cut(user ?? '?')}`;
}

/** A machine chooses some of the names. */
function cut(text: string): string {
  return text.length > longestName ? `${text.slice(0, longestName)}…` : text;
}
