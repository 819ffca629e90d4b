import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { MoneyLimit } from '../domain/money.ts';
import type { PolicyRule } from '../domain/policy.ts';
import type { Money } from '../domain/provider.ts';
import type { Operation } from '../domain/state.ts';
import { type BudgetCheck, type BudgetedMachine, openBudgetCheck, openPolicyBudget } from './check-budget.ts';
import type { AppContext } from './context.ts';
import { forgetWithReceipt } from './forget-instance.ts';
import { planByPolicy } from './plan-by-policy.ts';
import type { UpPlan, UpRequest } from './plan-up.ts';
import { inputsOf, reserveRun } from './reserve-up.ts';
import { runSaga, UndoError } from './saga.ts';
import { mostOf, sayCost } from './say-cost.ts';
import { draftInstance, specOf, type UpRun } from './up-run.ts';
import { upSteps } from './up-steps.ts';

/**
 * Makes a machine, or goes on making one that an earlier, killed `up` left unfinished.
 * @param stepsOf what it consists of
 * @returns the instance, ready for use
 * @throws SpuffError; by then everything is undone, or the hints name what could not be and the command that removes it
 */
export async function upInstance(
  context: AppContext,
  request: UpRequest,
  stepsOf: typeof upSteps = upSteps,
): Promise<Instance> {
  const { run, operation } = await prepare(context, request);
  await runSteps(run, operation, stepsOf(run));
  return markReady(run, operation);
}

const instead: BudgetedMachine['instead'] = {
  ofUnknown: 'name a size with a price: spuff sizes',
  within: (left) => `give it what is left: --max-spend ${left}, or a shorter --ttl`,
};

/** The plan, and the intent on disk: until then nothing is made, so there is nothing to undo. */
async function prepare(
  context: AppContext,
  request: UpRequest,
): Promise<{ run: UpRun; operation: Operation }> {
  try {
    const { plan, rules } = await planByPolicy(context, request);
    if (plan.maxSpend) await refuseLongerLease(context, plan, plan.maxSpend);
    const budget = await openBudgets(context, plan, rules, request);
    sayCost(context, plan);
    return await reserveRun(context, plan, budget);
  } catch (error) {
    throw asInterrupted(context, error, 'nothing was made');
  }
}

/** Those of the settings, which `--over-budget` passes over, and those of the policies, which nothing does. */
async function openBudgets(
  context: AppContext,
  plan: UpPlan,
  rules: readonly PolicyRule[],
  { overBudget = false }: UpRequest,
): Promise<BudgetCheck> {
  const own = await openBudgetCheck(context, { ...plan, instead }, overBudget);
  const shared = await openPolicyBudget(context, plan, rules);
  return (instances) => {
    shared(instances);
    own(instances);
  };
}

/** What is gone on with keeps its lease. @throws SpuffError `conflict` where that is longer than the money lasts */
async function refuseLongerLease(
  context: AppContext,
  { name, ttlMs }: UpPlan,
  { amount, currency }: MoneyLimit,
): Promise<void> {
  const unfinished = (await context.state()).findInstance(name);
  if (unfinished?.phase !== 'creating' || ttlMs === null) return;
  const endsMs = unfinished.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
  if (endsMs <= context.runtime.now() + ttlMs) return;
  const what = `${name}, which an earlier run left unfinished, has a longer lease than ${amount} ${currency} last`;
  throw new SpuffError('conflict', what, { hints: [`remove it first: spuff down ${name}`] });
}

/** What `up` would do, for `--dry-run`: the plan, its price and the requests. The user data is named by its size only. */
export interface UpPreview {
  plan: UpPlan;
  hourly: Money | null;
  /** By the end of its lease; null: nothing is billed, its price is not known, or there is no end. */
  most: Money | null;
  requests: readonly { method: string; path: string; body: unknown }[];
}

/** Decides everything and changes nothing. */
export async function previewUp(context: AppContext, request: UpRequest): Promise<UpPreview> {
  const { plan, rules } = await planByPolicy(context, request);
  const provider = await context.provider(plan.provider);
  const draft = draftInstance(context, plan, await context.ssh());
  const budget = await openBudgets(context, plan, rules, request);
  budget([...(await context.state()).listInstances(), draft]);
  const spec = await specOf(draft, inputsOf(plan), provider);
  const userData = `[${Buffer.byteLength(spec.userData)} bytes of user data]`;
  const { requests, hourly } = provider.plan({ ...spec, userData });
  return { plan, requests, hourly: plan.tariff?.hourly ?? hourly, most: mostOf(plan) };
}

async function runSteps(run: UpRun, operation: Operation, steps: ReturnType<typeof upSteps>): Promise<void> {
  const { context, state } = run;
  // An undo is a destruction: who is killed in the middle of one leaves something for `down` to finish, not for `up`.
  const beforeUndo = () => void state.updateInstance(run.instance.key, { phase: 'destroying' });
  const saga = {
    ...{ steps, run, operation, journal: state },
    progress: context.progress,
    beforeUndo,
  };
  try {
    await runSaga(saga);
  } catch (error) {
    if (!(error instanceof UndoError)) {
      const endedAt = new Date(context.runtime.now());
      const end = { vm: null, endedAt, by: 'up', why: 'failed-up', snapshot: null } as const;
      forgetWithReceipt(state, run.instance, end);
      throw asInterrupted(context, error, 'what had been made is removed again');
    }
    state.endOperation(operation.id, 'failed');
    throw withHints(asInterrupted(context, error, 'not everything could be removed'), [
      ...error.leftBehind.map((what) => `could not be undone: ${what}`),
      `remove it: spuff down ${run.instance.name}`,
    ]);
  }
}

/** The machine is there, whatever comes of writing that down: a record that can't be written stays as it is, unfinished. */
function markReady({ context, state, instance }: UpRun, operation: Operation): Instance {
  try {
    return state.transact(() => {
      const readyAt = new Date(context.runtime.now());
      const ready = state.updateInstance(instance.key, { phase: 'ready', readyAt });
      state.endOperation(operation.id, 'done');
      return ready;
    });
  } catch (error) {
    throw withHints(error, [
      `the machine is made; once that is mended, go on with it: spuff up ${instance.name}`,
      `or remove it: spuff down ${instance.name}`,
    ]);
  }
}

function asInterrupted(context: AppContext, error: unknown, outcome: string): unknown {
  if (!context.signal.aborted) return error;
  return new SpuffError('interrupted', `stopped; ${outcome}`, { cause: error });
}

function withHints(error: unknown, hints: readonly string[]): unknown {
  if (!(error instanceof SpuffError)) return error;
  return new SpuffError(error.code, error.message, { hints: [...error.hints, ...hints], cause: error });
}
