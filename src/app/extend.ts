import { formatDuration } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { costOf, formatMoney } from '../domain/money.ts';
import type { PolicyRule } from '../domain/policy.ts';
import type { Provider, Vm } from '../domain/provider.ts';
import { installAgentOn } from './agent-install.ts';
import { type BudgetCheck, openBudgetCheck } from './check-budget.ts';
import type { AppContext } from './context.ts';
import { type ClockWatch, watchClock } from './provider-clock.ts';
import { refuse } from './refuse-by-policy.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

/** Where the end of a lease is to be moved: so much further, to a moment, or away. */
export type NewEnd = { by: number } | { at: Date } | 'off';

export interface ExtendRequest {
  end: NewEnd;
  /** Further than the setting `max_lifetime` lets it be from now on. */
  beyond: boolean;
  /** Also where `monthly_budget` says no. */
  overBudget: boolean;
}

/**
 * Moves the end of a lease at the provider, on the machine and in the state. What is written down is never later than what is
 * in force: a longer lease comes into the state last, a shorter one first. A run that dies in between is finished by the same
 * command, and until then the earlier of the two ends holds, which is the one that is shown.
 * @throws SpuffError `usage` for an end that is over, or beyond the rule, `quota` for one beyond the monthly budget; what the provider, ssh or the machine says
 */
export async function extendInstance(
  context: AppContext,
  instance: Instance,
  request: ExtendRequest,
): Promise<Instance> {
  requireReady(instance);
  const rules = await context.policy(instance.directory);
  refuseLonger(rules, instance, leastEnd(context, instance, request.end));
  const provider = await context.provider(instance.provider);
  const clock = watchClock(context, provider);
  const vm = await provider.find(instance.key, clock.options(60_000));
  if (vm === null) throw gone(instance);
  // Before anything is changed: a machine that runs must hear of it, and this one could not.
  if (vm.state === 'running') sshTargetOf(instance);
  const expiresAt = await chooseEnd(context, { vm, instance }, clock, request);
  refuseLonger(rules, instance, expiresAt);
  sayPrice(context, instance, vm.expiresAt, expiresAt);
  const state = await context.state();
  const isLonger = endOf(expiresAt) >= endOf(instance.expiresAt);
  const check = isLonger ? await openCheck(context, provider, instance, request.overBudget) : () => undefined;
  const operation = state.transact(() => {
    check(state.listInstances().map((one) => (one.key === instance.key ? { ...one, expiresAt } : one)));
    return state.beginOperation('extend', instance.key);
  });
  try {
    if (!isLonger) state.updateInstance(instance.key, { expiresAt });
    const atProvider = () =>
      provider.setExpiry(vm.id, expiresAt, { ...clock.options(2 * 60_000), expectKey: instance.key });
    const installed: Pick<Instance, 'agent'> = { agent: null };
    const onMachine = async () => {
      installed.agent = await tellMachine(context, { ...instance, expiresAt }, vm);
    };
    for (const move of isLonger ? [atProvider, onMachine] : [onMachine, atProvider]) await move();
    const changed = state.updateInstance(instance.key, { expiresAt, ...(installed.agent && installed) });
    state.endOperation(operation.id, 'done');
    return changed;
  } catch (error) {
    state.endOperation(operation.id, 'failed');
    throw error;
  }
}

/** As for a new machine: what it can cost by its new end counts. */
function openCheck(
  context: AppContext,
  { caps }: Provider,
  { name, provider, size, tariff: dearest }: Instance,
  isAllowed: boolean,
): Promise<BudgetCheck> {
  const instead = {
    ofUnknown: 'leave its lease as it is',
    within: (left: string) => `move its end less far: all of it may come to ${left} this month`,
  };
  const machine = { name, provider, size, dearest, isBilled: caps.billing !== null, instead };
  return openBudgetCheck(context, machine, isAllowed);
}

/** A life counts from its making. One that is too long already may be made shorter. */
function refuseLonger(
  rules: readonly PolicyRule[],
  { createdAt, expiresAt }: Instance,
  end: Date | null,
): void {
  if (endOf(end) > endOf(expiresAt) || end === null)
    refuse(rules, { lifetimeMs: end && end.getTime() - createdAt.getTime() });
}

/** What the end will be at least, as far as it can be told before the provider is asked. */
function leastEnd({ runtime }: AppContext, { expiresAt }: Instance, end: NewEnd): Date | null {
  if (end === 'off') return null;
  if ('at' in end) return end.at;
  return new Date(Math.max(runtime.now(), expiresAt?.getTime() ?? 0) + end.by);
}

function endOf(expiresAt: Date | null): number {
  return expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
}

function gone({ name }: Instance): SpuffError {
  return new SpuffError('not-found', `the machine of ${name} is gone`, {
    hints: [`forget it: spuff down ${name}`],
  });
}

/** @throws SpuffError `usage` */
async function chooseEnd(
  context: AppContext,
  { vm, instance }: { vm: Vm; instance: Instance },
  clock: ClockWatch,
  { end, beyond }: ExtendRequest,
): Promise<Date | null> {
  const { nowMs } = clock.read();
  const maxLifetimeMs = beyond ? null : await longestLease(context, instance);
  if (end === 'off') {
    if (maxLifetimeMs !== null) throw refused('no end at all', maxLifetimeMs);
    return null;
  }
  const atMs = 'at' in end ? end.at.getTime() : addTo(end.by, nowMs, vm.expiresAt, instance.expiresAt);
  if (atMs <= nowMs) {
    throw new SpuffError('usage', 'that moment is over already', {
      hints: ['to end it now: spuff down'],
    });
  }
  if (maxLifetimeMs !== null && atMs - nowMs > maxLifetimeMs)
    throw refused(`an end in ${formatDuration(atMs - nowMs)}`, maxLifetimeMs);
  return new Date(Math.ceil(atMs / 1_000) * 1_000);
}

/** What its project says comes before what the user's settings say, as when it was made. */
async function longestLease(context: AppContext, { directory }: Instance): Promise<number | null> {
  const project = await context.project(directory);
  return project?.maxLifetimeMs === undefined
    ? (await context.settings()).maxLifetimeMs
    : project.maxLifetimeMs;
}

/** A lease that is over, or has no end, is extended from now on. */
function addTo(byMs: number, nowMs: number, atProvider: Date | null, inState: Date | null): number {
  const wasMs = Math.max(nowMs, inState?.getTime() ?? nowMs) + byMs;
  const isMs = atProvider?.getTime() ?? nowMs;
  // An earlier run got as far as the provider, and is finished now: not twice as much.
  if (Math.abs(isMs - wasMs) < 1_000) return isMs;
  return Math.max(nowMs, isMs) + byMs;
}

function refused(what: string, maxLifetimeMs: number): SpuffError {
  return new SpuffError(
    'usage',
    `${what} is further than max_lifetime lets a lease go from now on: ${formatDuration(maxLifetimeMs)}`,
    { hints: ['for this once: add --beyond', 'see the rule: spuff config explain max_lifetime'] },
  );
}

function sayPrice(
  { progress }: AppContext,
  { tariff }: Instance,
  before: Date | null,
  after: Date | null,
): void {
  if (tariff === null) return;
  const hourly = `${formatMoney(tariff.hourly, 5)} an hour`;
  const moreMs = before === null || after === null ? 0 : after.getTime() - before.getTime();
  const more = moreMs > 0 ? `, at most ${formatMoney(costOf(tariff, moreMs))} more` : '';
  progress.note(`${hourly}${after === null ? ', without an end' : more}`);
}

/**
 * The machine keeps its lease itself, so it has to hear of it. One that is off can't.
 * @returns the agent that it has now; null when it was not told
 */
async function tellMachine(
  context: AppContext,

  instance: Instance,
  vm: Vm,
): Promise<Instance['agent']> {
  if (vm.state !== 'running') {
    context.progress.warn(
      `${instance.name} is ${vm.state}: it goes by its old lease when it is on again, until you run this again`,
    );
    return null;
  }
  const step = context.progress.start(`lease of ${instance.name} moved`);
  try {
    const agent = await installAgentOn(context, instance, (what) => step.update(what));
    step.done();
    return agent;
  } catch (error) {
    step.fail();
    throw error;
  }
}
