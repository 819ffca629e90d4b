import { type InstanceKey, isInstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Leftover, Provider } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import { findOwnFirewall, firewallPathOf, listOwnFirewalls } from './firewall.ts';
import { getMachine, listMachines, type MachineWithTags, oldestFirst } from './machine-lookup.ts';
import { removeDroplet } from './machines.ts';
import { findOwnKey, listOwnKeys, removeKey } from './ssh-keys.ts';
import { marker, readSshTags, readTags } from './tags.ts';

/** A firewall this young may wait for its machine: the order comes after it, and lists are late. */
const settleMs = 600_000;

/** How long the cloud may go on to say that something is in use after the machine is gone. */
const inUseMs = 120_000;

/**
 * What `destroy` leaves: the firewall, keys that we registered and no machine of ours was made with, volumes with our
 * tags, and a second machine of the same key. Reserved addresses carry no tags, and spuff reserves none.
 */
export function createLeftovers(api: Api): Pick<Provider, 'leftovers' | 'removeLeftover'> {
  return {
    async *leftovers(key, call) {
      yield* await findLeftovers(api, key, call);
    },
    removeLeftover: (leftover, call) => removeLeftover(api, leftover, call),
  };
}

async function findLeftovers(api: Api, key: InstanceKey | null, call: CallOptions): Promise<Leftover[]> {
  const op = 'leftovers';
  const [machines, firewalls, volumes, keys] = await Promise.all([
    listMachines(api, call, op),
    listOwnFirewalls(api, call, op),
    listVolumes(api, call, op),
    listOwnKeys(api, call, op),
  ]);
  // Asked for one key, its machine is gone or about to be, whatever a list says of it.
  const others = machines.filter(({ vm }) => key === null || vm.key !== key);
  const isWanted = (owner: InstanceKey | null, createdAt: Date | null) =>
    key === null
      ? !others.some(({ vm }) => vm.key !== null && vm.key === owner) && !isYoung(api, createdAt)
      : owner === key;
  return [
    ...secondMachines(machines, key),
    ...firewalls
      .filter((one) => isWanted(one.key, one.createdAt))
      .map(
        ({ id, name, key: owner }) => ({ kind: 'firewall', id, name, key: owner, billed: false }) as const,
      ),
    ...volumes
      .filter((one) => isWanted(one.key, one.createdAt))
      .map(({ id, name, key: owner }) => ({ kind: 'volume', id, name, key: owner, billed: true }) as const),
    ...keys
      .filter(({ fingerprint }) => !isNeeded(fingerprint, others))
      .map(({ id, name }) => ({ kind: 'sshkey', id, name, key, billed: false }) as const),
  ];
}

function isYoung(api: Api, createdAt: Date | null): boolean {
  return createdAt !== null && api.runtime.now() - createdAt.getTime() < settleMs;
}

/** Who has a machine's tag of it still needs the key: a fingerprint stands in it as the API writes it. */
function isNeeded(fingerprint: string, machines: readonly MachineWithTags[]): boolean {
  return machines.some(({ tags }) => readSshTags(tags).includes(fingerprint));
}

function secondMachines(machines: readonly MachineWithTags[], key: InstanceKey | null): Leftover[] {
  const vms = oldestFirst(machines.map(({ vm }) => vm));
  return vms
    .filter((vm) => vm.key !== null && (key === null || vm.key === key))
    .filter((vm) => vms.find((one) => one.key === vm.key) !== vm)
    .map(({ id, name, key: owner }) => ({ kind: 'vm', id, name, key: owner, billed: true }));
}

interface OwnVolume {
  id: string;
  name: string;
  key: InstanceKey | null;
  createdAt: Date | null;
}

/** Spuff makes none; one that somebody gave our tags to is told. A token without the scope can't have made any. */
async function listVolumes(api: Api, call: CallOptions, op: string): Promise<OwnVolume[]> {
  try {
    const volumes = await api.pages({ op, path: '/v2/volumes' }, 'volumes', call);
    return volumes.map(readVolume).filter((volume) => volume !== null);
  } catch (error) {
    if (error instanceof ProviderError && error.providerCode === 'forbidden') return [];
    throw error;
  }
}

function readVolume(volume: Answer): OwnVolume | null {
  const { ours, key } = readTags(volume.at('tags').texts());
  if (!ours && key === null) return null;
  const created = volume.at('created_at');
  return {
    id: volume.at('id').id(),
    name: showRemote(volume.at('name').text()),
    key,
    createdAt: created.isMissing ? null : created.date(),
  };
}

/** Everything is looked at again before it is removed: a list is old when it is read. */
async function removeLeftover(api: Api, leftover: Leftover, call: CallOptions): Promise<void> {
  const op = 'removeLeftover';
  const { kind, id } = leftover;
  if (kind === 'vm') return await removeSecond(api, leftover, call);
  if (kind === 'firewall') {
    const firewall = await findOwnFirewall(api, checkId(id), call, op);
    if (firewall === null || firewall.key !== leftover.key) return;
    return await removeUnused(api, firewallPathOf(firewall.id), call);
  }
  if (kind === 'volume') {
    const path = `/v2/volumes/${checkId(id)}`;
    const answer = await api.find({ op, path }, call);
    const volume = answer && readVolume(answer.at('volume'));
    if (volume && volume.key === leftover.key) await removeUnused(api, path, call);
    return;
  }
  if (kind === 'sshkey') return await removeUnneededKey(api, leftover, call);
  throw failure('invalid', op, `spuff makes nothing of the kind ${kind} at DigitalOcean (${marker})`);
}

/** Of what others wrote, an id that could lead elsewhere. */
function checkId(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(id)) return id;
  throw failure('invalid', 'removeLeftover', `${JSON.stringify(showRemote(id))} is not an id`);
}

async function removeSecond(api: Api, leftover: Leftover, call: CallOptions): Promise<void> {
  const op = 'removeLeftover';
  const vm = await getMachine(api, leftover.id, call, op);
  if (vm === null) return;
  if (vm.key === null || vm.key !== leftover.key || !isInstanceKey(vm.key))
    throw failure(
      'protected',
      op,
      `the machine ${vm.id} does not carry the key that it was to be removed by`,
    );
  await removeDroplet(api, vm.id, call, op);
}

/** A machine that was ordered since needs it: then it stays. */
async function removeUnneededKey(api: Api, leftover: Leftover, call: CallOptions): Promise<void> {
  const op = 'removeLeftover';
  const key = await findOwnKey(api, checkId(leftover.id), call, op);
  if (key === null) return;
  const machines = await listMachines(api, call, op);
  const others = machines.filter(({ vm }) => leftover.key === null || vm.key !== leftover.key);
  if (!isNeeded(key.fingerprint, others)) await removeKey(api, key.id, call, op);
}

/** Waits while the cloud says that it is in use. */
async function removeUnused(api: Api, path: string, call: CallOptions): Promise<void> {
  const op = 'removeLeftover';
  let last: unknown;
  const untilMs = api.runtime.now() + inUseMs;
  const removed = await api.wait(
    async () => {
      try {
        await api.remove({ op, path }, call);
        return true;
      } catch (error) {
        if (!(error instanceof ProviderError) || error.providerCode !== 'conflict') throw error;
        last = error;
        return undefined;
      }
    },
    call,
    { untilMs },
  );
  if (!removed) throw last;
}
