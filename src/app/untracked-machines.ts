/**
 * Machines that a provider has and the state does not know: after a state was lost, or made anew. They are shown, and
 * `spuff down KEY` destroys them; nothing else can be done with them, because their keys and tokens are gone.
 */
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { Provider, ProviderId, Vm } from '../domain/provider.ts';
import { Secret } from '../domain/secret.ts';
import type { StateStore } from '../domain/state.ts';
import { escapeText } from '../lib/escape.ts';
import { type AppContext, callOptions } from './context.ts';
import { isOwn } from './owner.ts';

export interface UntrackedMachine {
  key: InstanceKey;
  provider: ProviderId;
  vm: Vm;
}

/**
 * @param vms what the provider has
 * @param known the keys that were in the state before the provider was asked: what another process removes meanwhile is
 * not lost
 */
export function pickUntracked(
  provider: ProviderId,
  vms: readonly Vm[],
  state: StateStore,
  known: ReadonlySet<InstanceKey>,
): UntrackedMachine[] {
  return vms.flatMap((vm) => {
    const { key } = vm;
    if (key === null || known.has(key) || vm.state === 'gone' || !isOwn(vm)) return [];
    // Another process may have ordered it after the state was read; it writes down what it orders first.
    return state.getInstance(key) === null ? [{ key, provider, vm }] : [];
  });
}

export async function listMachines(context: AppContext, provider: Provider): Promise<Vm[]> {
  const found: Vm[] = [];
  for await (const vm of provider.list(callOptions(context, 30_000))) found.push(vm);
  return found;
}

/** For people; every way to show one says the same. */
export function remarkOnUntracked({ key, vm }: UntrackedMachine): string {
  const made = vm.instanceName ?? '';
  const name = made === '' ? '' : ` (it was made as ${escapeText(made, { singleLine: true })})`;
  return `not in the state${name}; remove it: spuff down ${key}`;
}

/**
 * The providers that machines of this user can be at: the configured one, and those of what is in the state.
 * @param instances what is in the state, where that has been read already
 */
export async function providersInUse(
  context: AppContext,
  instances?: readonly Instance[],
): Promise<{ ids: readonly ProviderId[]; problem: SpuffError | null }> {
  const known = instances ?? (await context.state()).listInstances();
  const ids = new Set(known.map(({ provider }) => provider));
  try {
    ids.add((await context.settings()).provider);
    return { ids: [...ids], problem: null };
  } catch (error) {
    // A typo in the settings must not keep anybody from what is there.
    if (!(error instanceof SpuffError) || error.code !== 'config') throw error;
    return { ids: [...ids], problem: error };
  }
}

/**
 * The machine of a key that is not in the state, as an instance that can be destroyed and nothing else.
 * @returns null when no provider in use has it
 */
export async function findUntracked(context: AppContext, key: InstanceKey): Promise<Instance | null> {
  const { ids, problem } = await providersInUse(context);
  for (const id of ids) {
    const vm = await (await context.provider(id)).find(key, callOptions(context, 30_000));
    if (vm?.key === key) return recordOf({ key, provider: id, vm }, context.directory);
  }
  if (problem) throw problem;
  return null;
}

/** Writes down that an instance is being destroyed; one that was not in the state stays there until it is gone. */
export function markDestroying(state: StateStore, instance: Instance): void {
  state.transact(() => {
    const isNew = instance.phase === 'destroying' && state.getInstance(instance.key) === null;
    if (isNew) state.insertInstance(instance);
    else state.updateInstance(instance.key, { phase: 'destroying' });
  });
}

/** Named by its key: its own name may be another's by now. */
function recordOf({ key, provider, vm }: UntrackedMachine, directory: string): Instance {
  return {
    key,
    name: key,
    provider,
    phase: 'destroying',
    vmId: vm.id,
    region: vm.region,
    size: vm.size,
    arch: vm.arch,
    image: { kind: 'slug', slug: 'unknown' },
    user: 'unknown',
    ssh: null,
    sshPublicKeyPath: null,
    tailnet: null,
    hostIdentity: { phase: 'lost' },
    agentToken: new Secret(''),
    agent: null,
    directory,
    createdAt: vm.createdAt,
    readyAt: null,
    expiresAt: vm.expiresAt,
    idleTimeoutMs: null,
    vmState: null,
    tariff: null,
  };
}
