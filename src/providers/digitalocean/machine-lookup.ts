import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Runtime, Vm } from '../../domain/provider.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { toVm } from './mapping.ts';
import { keyTag, marker, readTags } from './tags.ts';

/** How long a fresh droplet, and the tags of it, may be missing from lists. */
export const listLagSeconds = 60;

const dropletPath = '/v2/droplets';

/** Ids are numbers; what is none can't be a droplet, and goes into no path. */
export function dropletPathOf(id: string): string | null {
  return /^[1-9]\d{0,14}$/.test(id) ? `${dropletPath}/${id}` : null;
}

/** null when there is none. */
export async function getDroplet(
  api: Api,
  id: string,
  call: CallOptions,
  op: string,
): Promise<Answer | null> {
  const path = dropletPathOf(id);
  const answer = path === null ? null : await api.find({ op, path }, call);
  return answer?.at('droplet') ?? null;
}

export async function getMachine(api: Api, id: string, call: CallOptions, op: string): Promise<Vm | null> {
  const droplet = await getDroplet(api, id, call, op);
  return droplet && toVm(droplet);
}

/** Whether a machine is so new that its tags may still come. */
export function isFresh(runtime: Runtime, { createdAt }: Pick<Vm, 'createdAt'>): boolean {
  return runtime.now() - createdAt.getTime() < listLagSeconds * 1_000;
}

interface Sighting {
  /** The oldest machine with the key's tag. */
  machine: Vm | null;
  /** One of the right name without our tags: not ours, or so new that its tags are still on their way. */
  untagged: Vm | null;
}

/**
 * By tag and by name: a droplet can be renamed, and its tags come into force after it. The two can't be combined in one
 * request, and droplets with a GPU are in a list of their own.
 */
export async function sightMachine(
  api: Api,
  key: InstanceKey,
  call: CallOptions,
  op: string,
): Promise<Sighting> {
  const list = (query: Record<string, string>) => listDroplets(api, query, call, op);
  const name = `spuff-${key}`;
  const found = await Promise.all([list({ tag_name: keyTag(key) }), list({ name }), list({ type: 'gpus' })]);
  const seen = uniqueById(found.flat());
  return {
    machine: oldestFirst(seen.filter((vm) => vm.key === key))[0] ?? null,
    untagged: seen.find((vm) => vm.name === name && vm.key === null) ?? null,
  };
}

/** Every machine with spuff's mark, those with a GPU too. */
export async function listMachines(api: Api, call: CallOptions, op: string): Promise<MachineWithTags[]> {
  const found = await Promise.all([
    api.pages({ op, path: dropletPath, query: { tag_name: marker } }, 'droplets', call),
    api.pages({ op, path: dropletPath, query: { type: 'gpus' } }, 'droplets', call),
  ]);
  const machines = found.flat().map((droplet) => {
    const tags = droplet.at('tags').texts();
    return { ...readTags(tags), tags, vm: toVm(droplet, tags) };
  });
  return uniqueById(machines.filter(({ ours }) => ours).map(({ vm, tags }) => ({ id: vm.id, vm, tags })));
}

export interface MachineWithTags {
  id: string;
  vm: Vm;
  tags: readonly string[];
}

async function listDroplets(
  api: Api,
  query: Readonly<Record<string, string>>,
  call: CallOptions,
  op: string,
): Promise<Vm[]> {
  const droplets = await api.pages({ op, path: dropletPath, query }, 'droplets', call);
  return droplets.map((droplet) => toVm(droplet));
}

/** A machine that comes to be between two pages moves the last one of the first to the second. */
function uniqueById<T extends { id: string }>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}

export function oldestFirst(machines: readonly Vm[]): Vm[] {
  return machines.toSorted(
    (a, b) => a.createdAt.getTime() - b.createdAt.getTime() || Number(a.id) - Number(b.id),
  );
}
