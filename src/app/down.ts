import type { Instance } from '../domain/instance.ts';
import type { Provider } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import type { Operation } from '../domain/state.ts';
import { type AppContext, callOptions } from './context.ts';
import { findUnseenEnd } from './find-unseen-end.ts';
import { forgetWithReceipt, type MachineEnd } from './forget-instance.ts';
import { runPreDownHook } from './pre-down.ts';
import { watchClock } from './provider-clock.ts';
import { removeMachine } from './remove-machine.ts';
import { rescueBeforeDown } from './rescue-before-end.ts';
import { retainSnapshots } from './retain-snapshots.ts';
import { refuseTakenName } from './snapshots.ts';
import { markDestroying } from './untracked-machines.ts';
import { unmountAll } from './volumes.ts';

export interface DownRequest {
  /** Takes a snapshot first, under this name. */
  snapshot: string | null;
  /** Destroys also when the snapshot could not be taken or work not be saved, and without the pre-down hook. */
  force: boolean;
  /** false: saves no work, whatever the settings say. */
  rescue: boolean;
}

/**
 * Destroys an instance, asks the provider whether it is gone, and forgets it. Goes on with one that an earlier run left
 * half destroyed or half made. Until the provider says that it is gone, the record stays.
 * @returns the name of the snapshot that was taken, and of the work that was saved
 * @throws SpuffError `conflict` when a living process is at work on it, else what the provider says
 */
export async function downInstance(
  context: AppContext,
  instance: Instance,
  request: DownRequest,
): Promise<{ kept: string | null; rescued: string | null }> {
  const state = await context.state();
  const operation = state.beginOperation('down', instance.key);
  try {
    const provider = await context.provider(instance.provider);
    if (!request.force) await runPreDownHook(context, instance);
    const rescue = request.rescue
      ? await rescueBeforeDown(context, instance, {
          goesOn: request.force,
          diskIsKept: request.snapshot !== null,
        })
      : null;
    const kept =
      takenBefore(context, operation, state.getInstance(instance.key)) ??
      (await snapshotFirst(context, provider, instance, request));
    if (kept !== null) state.recordStep(operation.id, { name: snapshotStep, status: 'done', output: kept });
    markDestroying(state, instance);
    const end = await destroyMachine(context, provider, instance);
    await (await context.ssh()).forget(instance.key);
    forgetWithReceipt(state, instance, { ...end, by: 'down', why: 'asked', snapshot: kept, rescue });
    if (kept !== null) await retainSnapshots(context, provider, { instanceName: instance.name, state });
    return { kept, rescued: rescue?.name ?? null };
  } catch (error) {
    state.endOperation(operation.id, 'failed');
    throw error;
  }
}

async function destroyMachine(
  context: AppContext,
  provider: Provider,
  instance: Instance,
): Promise<Pick<MachineEnd, 'vm' | 'endedAt' | 'assumedEndAt'>> {
  const step = context.progress.start(`${instance.name} destroyed`);
  try {
    await unmountAll(context, instance);
    if (instance.tailnet !== null)
      await (await import('./tailnet.ts')).leaveTailnet(context, instance, 5_000);
    await (await context.ssh()).disconnect(instance);
    const clock = watchClock(context, provider);
    const vm = await removeMachine(provider, instance, clock.options(5 * 60_000));
    step.done();
    if (vm === null) return { vm, ...(await findUnseenEnd(provider, instance, clock)) };
    return { vm, endedAt: new Date(clock.read().nowMs) };
  } catch (error) {
    step.fail();
    throw error;
  }
}

const snapshotStep = 'snapshot';

/**
 * The snapshot of a run that was killed after it, under whatever name: the machine is half destroyed since, and may not be there
 * to take another one of.
 */
function takenBefore(
  { progress }: AppContext,
  { steps }: Operation,
  recorded: Instance | null,
): string | null {
  const output = steps.findLast(({ name, status }) => name === snapshotStep && status === 'done')?.output;
  if (typeof output !== 'string' || recorded?.phase !== 'destroying') return null;
  progress.note(`an earlier run has kept the disk of ${recorded.name} as ${output}`);
  return output;
}

/** @returns the name that the disk is kept under; null when nothing is kept */
async function snapshotFirst(
  context: AppContext,
  provider: Provider,
  instance: Instance,
  { snapshot: name, force }: DownRequest,
): Promise<string | null> {
  if (name === null) return null;
  const step = context.progress.start(`snapshot ${name} of ${instance.name}`);
  try {
    await takeSnapshot(context, provider, instance, name);
    step.done();
    return name;
  } catch (error) {
    step.fail();
    if (!force || context.signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    context.progress.warn(`${instance.name} is destroyed without its snapshot, as --force says: ${why}`);
    return null;
  }
}

async function takeSnapshot(
  context: AppContext,
  provider: Provider,
  instance: Instance,
  name: string,
): Promise<void> {
  if (!provider.snapshots || instance.vmId === null) {
    throw new ProviderError('invalid', `no snapshot can be taken of ${instance.name}`, {
      provider: provider.id,
      op: 'snapshots.create',
      retryable: false,
      hints: [`destroy it without: spuff down ${instance.name}`],
    });
  }
  await refuseTakenName(context, provider, name);
  await provider.snapshots.create(instance.vmId, name, {
    ...callOptions(context, 30 * 60_000),
    expectKey: instance.key,
  });
}
