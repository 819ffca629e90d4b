import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { Money } from '../domain/provider.ts';
import type { Operation, StateStore } from '../domain/state.ts';
import { type AppContext, callOptions } from './context.ts';
import { planUp, type UpPlan, type UpRequest } from './plan-up.ts';
import { runSaga, UndoError } from './saga.ts';
import { type CreateInputs, draftInstance, specOf, type UpRun } from './up-run.ts';
import { upSteps } from './up-steps.ts';

/**
 * Makes a machine, or goes on making one that an earlier, killed `up` left unfinished.
 * @returns the instance, ready for use
 * @throws SpuffError; by then everything is undone, or the hints name what could not be and the command that removes it
 */
export async function upInstance(context: AppContext, request: UpRequest): Promise<Instance> {
  const plan = await planUp(context, request);
  const run = await reserveRun(context, plan);
  await makeReady(run.up, run.operation);
  return run.up.instance;
}

/** What `up` would do, for `--dry-run`: the plan, its price and the requests. The user data is named by its size only. */
export interface UpPreview {
  plan: UpPlan;
  hourly: Money | null;
  requests: readonly { method: string; path: string; body: unknown }[];
}

/** Decides everything and changes nothing. */
export async function previewUp(context: AppContext, request: UpRequest): Promise<UpPreview> {
  const plan = await planUp(context, request);
  const provider = await context.provider(plan.provider);
  const draft = draftInstance(context, plan, await context.ssh());
  const spec = await specOf(draft, inputsOf(plan), provider);
  const userData = `[${Buffer.byteLength(spec.userData)} bytes of user data]`;
  return { plan, ...provider.plan({ ...spec, userData }) };
}

async function makeReady(run: UpRun, operation: Operation): Promise<void> {
  const { context, state } = run;
  try {
    await runSaga({ steps: upSteps(run), run, operation, journal: state, progress: context.progress });
    run.instance = state.updateInstance(run.instance.key, {
      phase: 'ready',
      readyAt: new Date(context.runtime.now()),
    });
    state.endOperation(operation.id, 'done');
  } catch (error) {
    if (!(error instanceof UndoError)) {
      state.deleteInstance(run.instance.key);
      throw asInterrupted(context, error, 'what had been made is removed again');
    }
    state.endOperation(operation.id, 'failed');
    throw withHints(asInterrupted(context, error, 'not everything could be removed'), [
      ...error.leftBehind.map((what) => `could not be undone: ${what}`),
      `remove it: spuff down ${run.instance.name}`,
    ]);
  }
}

/** Writes the intent: from here on the instance is known, whatever happens. One of several processes wins. */
async function reserveRun(context: AppContext, plan: UpPlan): Promise<{ up: UpRun; operation: Operation }> {
  const [state, ssh] = [await context.state(), await context.ssh()];
  const unfinished = await findUnfinished(context, state, plan.name);
  const instance = unfinished ?? draftInstance(context, plan, ssh);
  if (!unfinished) state.insertInstance(instance);
  const operation = state.beginOperation('up', instance.key);
  const recorded = operation.steps.find((step) => step.name === planRecord)?.output as
    | CreateInputs
    | undefined;
  const inputs = recorded ?? inputsOf(plan);
  if (!recorded) state.recordStep(operation.id, { name: planRecord, status: 'done', output: inputs });
  if (unfinished) {
    context.progress.note(
      `going on with ${instance.name}, which an earlier run left unfinished (${instance.size}, ${instance.region})`,
    );
  }
  // Another process may have gone on with it between the look and the claim.
  const current = state.getInstance(instance.key) ?? instance;
  return {
    up: {
      context,
      provider: await context.provider(current.provider),
      ssh,
      state,
      inputs,
      instance: current,
    },
    operation,
  };
}

const planRecord = 'plan';

function inputsOf(plan: UpPlan): CreateInputs {
  return { sshPublicKeys: plan.keys.publicKeys, owner: plan.owner };
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

function busy(name: string, operation: Operation): SpuffError {
  return new SpuffError(
    'conflict',
    `another spuff (process ${operation.owner.pid}) is at work on ${name}: ${operation.kind}`,
    {
      hints: ['wait for it to end, or use another name'],
    },
  );
}

/** A machine that vanished while nobody was looking can't be gone on with; its name can be used again. */
async function wasOrderedAndIsGone(context: AppContext, instance: Instance): Promise<boolean> {
  if (instance.vmId === null) return false;
  const provider = await context.provider(instance.provider);
  return (await provider.find(instance.key, callOptions(context, 60_000))) === null;
}

function discard(state: StateStore, instance: Instance): null {
  state.deleteInstance(instance.key);
  return null;
}

function asInterrupted(context: AppContext, error: unknown, outcome: string): unknown {
  if (!context.signal.aborted) return error;
  return new SpuffError('interrupted', `stopped; ${outcome}`, { cause: error });
}

function withHints(error: unknown, hints: readonly string[]): unknown {
  if (!(error instanceof SpuffError)) return error;
  return new SpuffError(error.code, error.message, { hints: [...error.hints, ...hints], cause: error });
}
