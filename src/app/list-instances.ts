import type { Instance } from '../domain/instance.ts';
import type { Operation, StateStore } from '../domain/state.ts';
import { type AppContext, callOptions } from './context.ts';

export interface ListedInstance {
  instance: Instance;
  /** What is to know about it beyond its state: interrupted work and the remedy, an agent of another version. */
  remarks: readonly string[];
}

/** Every instance, as the local state knows it: nothing else is asked. */
export async function listInstances(context: Pick<AppContext, 'state'>): Promise<ListedInstance[]> {
  const state = await context.state();
  return state.listInstances().map((instance) => ({ instance, remarks: remarksOn(instance, state) }));
}

/** Asks each provider for what it has, writes down the states, and lists. Providers that fail are named in `failures`. */
export async function refreshInstances(
  context: AppContext,
): Promise<{ instances: ListedInstance[]; failures: { provider: string; error: unknown }[] }> {
  const state = await context.state();
  const known = state.listInstances();
  const failures: { provider: string; error: unknown }[] = [];
  await Promise.all(
    [...new Set(known.map((instance) => instance.provider))].map(async (id) => {
      const mine = known.filter((instance) => instance.provider === id);
      try {
        await refreshProvider(context, state, id, mine);
      } catch (error) {
        failures.push({ provider: id, error });
      }
    }),
  );
  return { instances: await listInstances(context), failures };
}

async function refreshProvider(
  context: AppContext,
  state: StateStore,
  id: string,
  instances: readonly Instance[],
): Promise<void> {
  const provider = await context.provider(id);
  const seen = new Map<string, Instance['vmState']>();
  for await (const vm of provider.list(callOptions(context, 30_000))) {
    if (vm.key !== null) seen.set(vm.key, { state: vm.state, checkedAt: new Date(context.runtime.now()) });
  }
  const checkedAt = new Date(context.runtime.now());
  for (const instance of instances) {
    // Another process may have removed it meanwhile; and a machine that was never ordered cannot be gone.
    if (state.getInstance(instance.key) === null || instance.vmId === null) continue;
    state.updateInstance(instance.key, { vmState: seen.get(instance.key) ?? { state: 'gone', checkedAt } });
  }
}

function remarksOn(instance: Instance, state: StateStore): string[] {
  if (instance.phase === 'ready') {
    return instance.vmState?.state === 'gone'
      ? [`the machine is gone; forget it: spuff down ${instance.name}`]
      : [];
  }
  const operation = state.findOperation(instance.key);
  if (operation?.ownerAlive) return [atWork(operation)];
  return instance.phase === 'creating'
    ? [
        `interrupted while being made; go on: spuff up ${instance.name}, or remove it: spuff down ${instance.name}`,
      ]
    : [`interrupted while being destroyed; finish: spuff down ${instance.name}`];
}

function atWork(operation: Operation): string {
  return `${operation.kind} is at work on it (process ${operation.owner.pid})`;
}
