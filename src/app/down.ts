import type { Instance } from '../domain/instance.ts';
import type { Provider } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider.ts';
import { type AppContext, callOptions } from './context.ts';
import { removeMachine } from './remove-machine.ts';

export interface DownRequest {
  /** Takes a snapshot first, under this name. */
  snapshot: string | null;
  /** Destroys also when the snapshot could not be taken. */
  force: boolean;
}

/**
 * Destroys an instance, asks the provider whether it is gone, and forgets it. Goes on with one that an earlier run left
 * half destroyed or half made. Until the provider says that it is gone, the record stays.
 * @throws SpuffError `conflict` when a living process is at work on it, else what the provider says
 */
export async function downInstance(
  context: AppContext,
  instance: Instance,
  request: DownRequest,
): Promise<void> {
  const state = await context.state();
  const operation = state.beginOperation('down', instance.key);
  try {
    const provider = await context.provider(instance.provider);
    if (request.snapshot !== null)
      await snapshotFirst(context, provider, instance, request.snapshot, request.force);
    state.updateInstance(instance.key, { phase: 'destroying' });
    await destroyMachine(context, provider, instance);
    await (await context.ssh()).forget(instance.key);
    state.deleteInstance(instance.key);
  } catch (error) {
    state.endOperation(operation.id, 'failed');
    throw error;
  }
}

async function destroyMachine(context: AppContext, provider: Provider, instance: Instance): Promise<void> {
  const step = context.progress.start(`${instance.name} destroyed`);
  try {
    await (await context.ssh()).disconnect(instance);
    await removeMachine(provider, instance, callOptions(context, 5 * 60_000));
    step.done();
  } catch (error) {
    step.fail();
    throw error;
  }
}

async function snapshotFirst(
  context: AppContext,
  provider: Provider,
  instance: Instance,
  name: string,
  force: boolean,
): Promise<void> {
  const step = context.progress.start(`snapshot ${name} of ${instance.name}`);
  try {
    if (!provider.snapshots || instance.vmId === null) {
      throw new ProviderError('invalid', `no snapshot can be taken of ${instance.name}`, {
        provider: provider.id,
        op: 'snapshots.create',
        retryable: false,
        hints: [`destroy it without: spuff down ${instance.name}`],
      });
    }
    await provider.snapshots.create(instance.vmId, name, {
      ...callOptions(context, 30 * 60_000),
      expectKey: instance.key,
    });
    step.done();
  } catch (error) {
    step.fail();
    if (!force) throw error;
    context.progress.warn(`${instance.name} is destroyed without its snapshot, as --force says`);
  }
}
