/** When a machine goes off by itself: the lease's deadline, or nobody being there for long enough. Pure. */

/** One reason to think that somebody, or something of theirs, is at work. */
export interface Signal {
  name: string;
  /** The last time it was seen; null: never. One later than now is passed over: see `createActivity` for who dates it. */
  lastAtMs: number | null;
  /** What is going on at this moment, as a sentence; null: nothing. */
  nowBusy: string | null;
}

export interface PowerInput {
  nowMs: number;
  bootedAtMs: number;
  /**
   * When the first agent since the boot began: before that nothing was seen, so it counts as a sign of life. A restart
   * does not: one that crashes again and again would keep an idle machine on for ever.
   */
  agentStartedAtMs: number;
  /**
   * When it began to see again after a while in which it could not look (a suspend, an agent that was stopped); null: it
   * never stopped. No sign of life, but the machine is not ended before what is going on now could be seen.
   */
  seeingSinceMs: number | null;
  /** Until then the owner wants it on, whether it is used or not; null: no such wish. The deadline is not moved. */
  holdUntilMs: number | null;
  /** null: no deadline. It is never moved by activity. */
  deadlineMs: number | null;
  /** null: never off for being idle. */
  idleTimeoutMs: number | null;
  signals: readonly Signal[];
}

export interface PowerDecision {
  act: 'none' | 'warn' | 'power-off';
  /** The next thing that happens if nothing changes. */
  next: { what: 'warning' | 'power-off'; atMs: number; why: string } | null;
  lastActiveAtMs: number;
  lastActiveSignal: string;
  idlePowerOffAtMs: number | null;
  deadlinePowerOffAtMs: number | null;
  keptOnBy: string[];
}

/** How long before the end people are told. */
export const warningMs = 5 * 60_000;

export const idleReason = 'nobody has used the machine';

/** A machine that is switched on after its deadline stays on for this long, so that its owner can save or extend. */
export const graceAfterBootMs = 2 * 60_000;

export function decidePower(input: PowerInput): PowerDecision {
  const keptOnBy = input.signals.map((signal) => signal.nowBusy).filter((text) => text !== null);
  const last = lastSignOfLife(input);
  const idlePowerOffAtMs =
    input.idleTimeoutMs === null || keptOnBy.length > 0
      ? null
      : endOfUse(input, last.atMs, input.idleTimeoutMs);
  const deadlinePowerOffAtMs =
    input.deadlineMs === null ? null : Math.max(input.deadlineMs, input.bootedAtMs + graceAfterBootMs);
  const seen = {
    lastActiveAtMs: last.atMs,
    lastActiveSignal: last.name,
    idlePowerOffAtMs,
    deadlinePowerOffAtMs,
    keptOnBy,
  };
  const end = firstEnd(idlePowerOffAtMs, deadlinePowerOffAtMs, input.idleTimeoutMs);
  if (end === null) return { act: 'none', next: null, ...seen };
  if (input.nowMs >= end.atMs) return { act: 'power-off', next: { what: 'power-off', ...at(end) }, ...seen };
  const warnAtMs = end.atMs - end.noticeMs;
  if (input.nowMs >= warnAtMs) return { act: 'warn', next: { what: 'power-off', ...at(end) }, ...seen };
  return { act: 'none', next: { what: 'warning', atMs: warnAtMs, why: end.why }, ...seen };
}

function at(end: { atMs: number; why: string }): { atMs: number; why: string } {
  return { atMs: end.atMs, why: end.why };
}

function endOfUse({ seeingSinceMs, holdUntilMs }: PowerInput, lastAtMs: number, timeoutMs: number): number {
  const seenEnoughAtMs = seeingSinceMs === null ? 0 : seeingSinceMs + noticeOf(timeoutMs);
  return Math.max(lastAtMs + timeoutMs, holdUntilMs ?? 0, seenEnoughAtMs);
}

/** A short time-out must not be all warning. */
function noticeOf(idleTimeoutMs: number): number {
  return Math.min(warningMs, idleTimeoutMs / 2);
}

function lastSignOfLife(input: PowerInput): { name: string; atMs: number } {
  let last = { name: 'boot', atMs: Math.max(0, input.bootedAtMs) };
  const consider = (name: string, atMs: number | null) => {
    // Taken for now, a time in the future would be renewed at each look, and the machine would never be idle.
    if (atMs !== null && atMs > last.atMs && atMs <= input.nowMs) last = { name, atMs };
  };
  consider('agent start', input.agentStartedAtMs);
  for (const signal of input.signals)
    consider(signal.name, signal.nowBusy === null ? signal.lastAtMs : input.nowMs);
  return last;
}

function firstEnd(idleMs: number | null, deadlineMs: number | null, idleTimeoutMs: number | null) {
  const deadline =
    deadlineMs === null ? null : { atMs: deadlineMs, noticeMs: warningMs, why: 'the lease is over' };
  if (idleMs === null) return deadline;
  const idle = { atMs: idleMs, noticeMs: noticeOf(idleTimeoutMs ?? 0), why: idleReason };
  return deadline !== null && deadline.atMs <= idle.atMs ? deadline : idle;
}
