import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProviderId, Vm } from '../domain/provider.ts';
import type { Operation, StateStore } from '../domain/state.ts';
import type { AppContext } from './context.ts';
import { noteVmStates } from './note-vm-state.ts';
import { listMachines, pickUntracked, providersInUse, type UntrackedMachine } from './untracked-machines.ts';

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

export interface Refreshed {
  instances: ListedInstance[];
  untracked: UntrackedMachine[];
  failures: { provider: string; error: unknown }[];
}

/**
 * Asks the providers in use for what they have, writes down the states, and lists. What they have beyond that is listed as
 * untracked. Providers that fail are named in `failures`.
 */
export async function refreshInstances(context: AppContext): Promise<Refreshed> {
  const state = await context.state();
  const known = state.listInstances();
  const keys = new Set(known.map(({ key }) => key));
  const { ids, problem } = await providersInUse(context, known);
  if (problem) {
    const [why] = problem.message.split('\n');
    context.progress.warn(
      `the settings are wrong, so machines that are not in the state are not looked for: ${why}`,
    );
  }
  const answers = await Promise.all(ids.map((id) => askProvider(context, id)));
  // Who stops it wants no list that is as old as before.
  context.signal.throwIfAborted();
  const noted = new Map<InstanceKey, Instance>();
  for (const { provider, vms, error } of answers) {
    if (error !== null) continue;
    const mine = known.filter((instance) => instance.provider === provider);
    for (const instance of noteAnswer(context, state, mine, vms)) noted.set(instance.key, instance);
  }
  return {
    instances: state.listInstances().map((listed) => {
      const instance = { ...listed, vmState: noted.get(listed.key)?.vmState ?? listed.vmState };
      return { instance, remarks: remarksOn(instance, state) };
    }),
    untracked: answers.flatMap(({ provider, vms }) => pickUntracked(provider, vms, state, keys)),
    failures: answers.flatMap(({ provider, error }) => (error === null ? [] : [{ provider, error }])),
  };
}

interface Answer {
  provider: ProviderId;
  vms: readonly Vm[];
  error: unknown;
}

async function askProvider(context: AppContext, id: ProviderId): Promise<Answer> {
  try {
    return { provider: id, vms: await listMachines(context, await context.provider(id)), error: null };
  } catch (error) {
    return { provider: id, vms: [], error };
  }
}

/** @returns the instances as they are by the answer, whether or not that could be written down */
function noteAnswer(
  context: AppContext,
  state: StateStore,
  instances: readonly Instance[],
  vms: readonly Vm[],
): Instance[] {
  const checkedAt = new Date(context.runtime.now());
  const states = new Map(vms.map((vm) => [vm.key, vm.state]));
  // A machine that was never ordered cannot be gone.
  const ordered = instances.filter(({ vmId }) => vmId !== null);
  const said = ordered.map((instance) => {
    return { instance, vmState: { state: states.get(instance.key) ?? ('gone' as const), checkedAt } };
  });
  return noteVmStates(state, said);
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
