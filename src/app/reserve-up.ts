/** The intent of `up`, on disk before the provider is asked for anything; and who may go on with an unfinished one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { Operation, StateStore } from '../domain/state.ts';
import type { BudgetCheck } from './check-budget.ts';
import { type AppContext, callOptions } from './context.ts';
import type { UpPlan } from './plan-up.ts';
import { type CreateInputs, draftInstance, specOf, type UpRun } from './up-run.ts';

interface Claim {
  instance: Instance;
  operation: Operation;
}

const planRecord = 'plan';

/**
 * Writes the intent: from here on the instance is known, whatever happens. One of several processes wins. What the
 * provider is sure to refuse is refused before.
 * @throws SpuffError `conflict` when the name is taken or somebody is at work on it, and what `budget` says
 */
export async function reserveRun(
  context: AppContext,
  plan: UpPlan,
  budget: BudgetCheck,
): Promise<{ run: UpRun; operation: Operation }> {
  const [state, ssh] = [await context.state(), await context.ssh()];
  const unfinished = await findUnfinished(context, state, plan.name);
  const { instance, operation } = unfinished
    ? claimUnfinished(state, unfinished)
    : await claimNew(context, state, plan, budget);
  if (unfinished) {
    const what = `${instance.size}, ${instance.region}`;
    context.progress.note(`going on with ${instance.name}, which an earlier run left unfinished (${what})`);
  }
  const recorded = operation.steps.find((step) => step.name === planRecord)?.output as
    | Partial<CreateInputs>
    | undefined;
  const provider = await context.provider(instance.provider);
  return {
    run: {
      context,
      provider,
      ssh,
      state,
      inputs: { ...inputsOf(plan), ...(recorded && { isProviderTime: false, ...recorded }) },
      instance,
    },
    operation,
  };
}

export function inputsOf(plan: UpPlan): CreateInputs {
  const { owner, otherRegions, allowSshFrom, spot, onIdle } = plan;
  const isProviderTime = plan.clockAheadMs !== null;
  return {
    ...{ sshPublicKeys: plan.keys.publicKeys, owner, otherRegions, allowSshFrom, spot, onIdle },
    isProviderTime,
  };
}

async function claimNew(
  context: AppContext,
  state: StateStore,
  plan: UpPlan,
  budget: BudgetCheck,
): Promise<Claim> {
  const instance = draftInstance(context, plan, await context.ssh());
  const provider = await context.provider(plan.provider);
  provider.plan(await specOf(instance, inputsOf(plan), provider));
  return state.transact(() => {
    state.insertInstance(instance);
    refuseRetiredKey(context, instance);
    // Of two that would both just fit, one does not.
    budget(state.listInstances());
    return { instance, operation: beginWithPlan(state, instance, inputsOf(plan)) };
  });
}

/**
 * A key that was rotated since it was chosen is deleted inside a transaction of the state, when no instance needs it: in
 * this one it is there, and stays, or the instance is not made.
 */
function refuseRetiredKey({ home }: AppContext, { sshPublicKeyPath, name }: Instance): void {
  if (!sshPublicKeyPath?.startsWith(join(home, 'keys', '/')) || existsSync(sshPublicKeyPath)) return;
  throw new SpuffError('conflict', 'the login key was rotated meanwhile', {
    hints: [`start anew with the new one: spuff up ${name}`],
  });
}

function beginWithPlan(state: StateStore, { key }: Instance, inputs: CreateInputs): Operation {
  const operation = state.beginOperation('up', key);
  state.recordStep(operation.id, { name: planRecord, status: 'done', output: inputs });
  return operation;
}

/** Between the look and the claim another process may have finished or removed it: then there is nothing to go on with. */
function claimUnfinished(state: StateStore, { key, name }: Instance): Claim {
  return state.transact(() => {
    const instance = state.getInstance(key);
    if (instance?.phase === 'creating') return { instance, operation: state.beginOperation('up', key) };
    throw new SpuffError('conflict', `another spuff has finished or removed ${name} meanwhile`, {
      hints: ['see how things stand: spuff ls'],
    });
  });
}

/**
 * The instance of this name that was left half made and can be gone on with; null when the name is free.
 * @throws SpuffError `conflict` when the name is taken
 */
async function findUnfinished(
  context: AppContext,
  state: StateStore,
  name: string,
): Promise<Instance | null> {
  const existing = state.findInstance(name);
  if (!existing) return null;
  if (existing.phase === 'ready') {
    throw new SpuffError('conflict', `${name} exists already`, {
      hints: [`connect to it: spuff ssh ${name}`, `or remove it first: spuff down ${name}`],
    });
  }
  const operation = state.findOperation(existing.key);
  if (operation?.ownerAlive) throw busy(name, operation);
  if (existing.phase === 'destroying') {
    throw new SpuffError('conflict', `${name} is half destroyed: an earlier run was interrupted`, {
      hints: [`finish that first: spuff down ${name}`],
    });
  }
  return (await wasOrderedAndIsGone(context, existing)) ? discard(state, existing) : existing;
}

function busy(name: string, { owner, kind }: Operation): SpuffError {
  return new SpuffError('conflict', `another spuff (process ${owner.pid}) is at work on ${name}: ${kind}`, {
    hints: ['wait for it to end, or use another name'],
  });
}

/** A machine that vanished while nobody was looking can't be gone on with; its name can be used again. */
async function wasOrderedAndIsGone(context: AppContext, instance: Instance): Promise<boolean> {
  if (instance.vmId === null) return false;
  const provider = await context.provider(instance.provider);
  return (await provider.find(instance.key, callOptions(context, 60_000))) === null;
}

/** @throws SpuffError `conflict` when another process has begun to go on with it */
function discard(state: StateStore, { key, name }: Instance): null {
  return state.transact(() => {
    const operation = state.findOperation(key);
    if (operation?.ownerAlive) throw busy(name, operation);
    if (state.getInstance(key)?.phase === 'creating') state.deleteInstance(key);
    return null;
  });
}
