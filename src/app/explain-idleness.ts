import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { costOf } from '../domain/money.ts';
import type { Capabilities, Money, Vm } from '../domain/provider.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import { connectAgent } from './agent-client.ts';
import type { AppContext } from './context.ts';
import { askProvider, attempt, notReady, type Part } from './instance-status.ts';

/** Why a machine is on, and what would end it when. */
export interface Explanation {
  instance: Instance;
  checkedAt: Date;
  /** `value` null: the provider has no such machine. */
  machine: Part<Vm | null>;
  activity: Part<AgentResponse<'activity'>>;
  /** null: not asked for, or the agent is too old to have one. */
  history: AgentResponse<'activityHistory'> | null;
  /** null while the agent does not say. */
  verdict: Verdict | null;
  cost: { soFar: Money; byThen: Money | null } | null;
  /** What a power-off from inside does to the bill; null: not known. */
  guestPoweroff: Capabilities['guestPoweroff'] | null;
}

export interface Verdict {
  /** Whether something is going on at this moment. */
  inUse: boolean;
  /** What that is, or, when nothing is: the last sign of use. */
  why: string[];
  /** null while it is in use. */
  idleSince: Date | null;
  heldUntil: Date | null;
  /** When it goes off if nothing changes; while it is in use, if all of that stopped now. null: never. */
  actsAt: Date | null;
  reason: string | null;
  /** Whether people have been warned of that end. */
  isWarned: boolean;
}

/**
 * Asks the provider, and the agent unless the machine is off. What can't be had is said in its part and does not hide the
 * rest.
 */
export async function explainIdleness(
  context: AppContext,
  instance: Instance,
  options: { history: boolean },
): Promise<Explanation> {
  const machine = await attempt(() => askProvider(context, instance));
  const { activity, history } = await askAgent(context, instance, machine, options.history);
  const now = context.runtime.now();
  const verdict = activity.ok ? judge(activity.value) : null;
  const capabilities = await attempt(async () => (await context.provider(instance.provider)).caps);
  return {
    instance: (await context.state()).getInstance(instance.key) ?? instance,
    checkedAt: new Date(now),
    ...{ machine, activity, history, verdict },
    cost: describeCost(instance, now, verdict?.actsAt ?? null),
    guestPoweroff: capabilities.ok ? capabilities.value.guestPoweroff : null,
  };
}

async function askAgent(
  context: AppContext,
  instance: Instance,
  machine: Part<Vm | null>,
  wantsHistory: boolean,
): Promise<Pick<Explanation, 'activity' | 'history'>> {
  if (instance.phase !== 'ready') return { activity: notReady(instance), history: null };
  const state = machine.ok ? (machine.value?.state ?? 'gone') : 'unknown';
  if (state !== 'running' && state !== 'unknown') {
    return { activity: { ok: false, error: null, why: `the machine is ${state}` }, history: null };
  }
  const client = await attempt(() => connectAgent(context, instance));
  if (!client.ok) return { activity: client, history: null };
  const [activity, history] = await Promise.all([
    attempt(() => client.value.ask('activity')),
    wantsHistory ? client.value.ask('activityHistory').catch(nullWhenUnknown) : null,
  ]);
  return { activity, history };
}

/** An agent of before the history knows no such route. */
function nullWhenUnknown(error: unknown): null {
  if (error instanceof SpuffError && error.code === 'not-found') return null;
  throw error;
}

/** What follows from what the agent sees. Pure. */
export function judge(activity: AgentResponse<'activity'>): Verdict {
  const { idle, lease, next, sampledAt } = activity;
  const inUse = idle.keptOnBy.length > 0;
  const timeoutMs = idle.timeoutSeconds === null ? null : idle.timeoutSeconds * 1_000;
  const ifItStoppedNow =
    timeoutMs === null ? null : new Date(Date.parse(sampledAt) + timeoutMs).toISOString();
  const ends = [
    { at: inUse ? ifItStoppedNow : idle.powerOffAt, why: 'nobody has used the machine' },
    { at: lease.powerOffAt, why: 'the lease is over' },
    next?.what === 'power-off' ? { at: next.at, why: next.why } : { at: null, why: '' },
  ].flatMap(({ at, why }) => (at === null ? [] : [{ at: new Date(at), why }]));
  const [end] = ends.sort((a, b) => a.at.getTime() - b.at.getTime());
  return {
    inUse,
    why: inUse ? idle.keptOnBy : [idle.lastActiveSignal],
    idleSince: inUse ? null : new Date(idle.lastActiveAt),
    heldUntil: activity.hold ? new Date(activity.hold.until) : null,
    actsAt: end?.at ?? null,
    reason: end?.why ?? null,
    isWarned: next?.what === 'power-off',
  };
}

function describeCost(
  { tariff, createdAt }: Instance,
  nowMs: number,
  actsAt: Date | null,
): Explanation['cost'] {
  if (tariff === null) return null;
  const until = (ms: number) => costOf(tariff, ms - createdAt.getTime());
  return { soFar: until(nowMs), byThen: actsAt === null ? null : until(Math.max(nowMs, actsAt.getTime())) };
}
