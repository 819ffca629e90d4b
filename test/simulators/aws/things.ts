/** Disks, interfaces and addresses, and the tags of everything. */
import type { CloudState, Tags, Thing } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { idsIn, isoTime, pageOf, passes, readTags, required, tagSet } from './filters.ts';
import { nodesIn, type Params, textIn, textsIn, type Xml } from './wire.ts';

const kinds = {
  volume: { set: 'volumeSet', parameter: 'VolumeId', prefix: 'vol', what: 'Volume' },
  nic: {
    ...{ set: 'networkInterfaceSet', parameter: 'NetworkInterfaceId', prefix: 'eni' },
    what: 'NetworkInterfaceID',
  },
  address: { set: 'addressesSet', parameter: 'AllocationId', prefix: 'eipalloc', what: 'AllocationID' },
} as const;

export type OrdinaryKind = keyof typeof kinds;

export function describeThings(kind: OrdinaryKind) {
  const { set, parameter, prefix, what } = kinds[kind];
  return (state: CloudState, params: Params, region: string): Xml => {
    const ids = idsIn(params, parameter, prefix, what);
    for (const id of ids) requireThing(state, kind, id, region);
    const all = [...state.things.values()].filter(
      (thing) =>
        thing.kind === kind &&
        thing.region === region &&
        (ids.length === 0 || ids.includes(thing.id)) &&
        passes(params, thing.tags, { status: statusOf(thing) }),
    );
    const { page, nextToken } = pageOf(params, all);
    return { [set]: page.map(describe), ...(kind !== 'address' && { nextToken }) };
  };
}

function statusOf({ kind, instanceId }: Thing): string {
  if (instanceId !== null) return 'in-use';
  return kind === 'address' ? 'unused' : 'available';
}

function describe(thing: Thing): Xml {
  const { kind, id, region, tags, gib, createdMs } = thing;
  if (kind === 'address')
    return { publicIp: '203.0.113.254', allocationId: id, domain: 'vpc', tagSet: tagSet(tags) };
  const status = statusOf(thing);
  if (kind === 'nic') {
    return { networkInterfaceId: id, status, description: '', tagSet: tagSet(tags) };
  }
  return {
    ...{ volumeId: id, size: gib, status, availabilityZone: `${region}a`, volumeType: 'gp3' },
    ...{ createTime: isoTime(createdMs), tagSet: tagSet(tags), attachmentSet: [] },
  };
}

function requireThing(state: CloudState, kind: OrdinaryKind, id: string, region: string): Thing {
  const thing = state.things.get(id);
  if (thing?.kind === kind && thing.region === region) return thing;
  throw new AwsFault(`Invalid${kinds[kind].what}.NotFound`, `The ${kind} '${id}' does not exist`);
}

export function deleteThing(kind: OrdinaryKind) {
  const { parameter } = kinds[kind];
  return (state: CloudState, params: Params, region: string): Xml => {
    const thing = requireThing(state, kind, required(params, parameter), region);
    if (thing.instanceId !== null) {
      const code = kind === 'volume' ? 'VolumeInUse' : 'InvalidNetworkInterface.InUse';
      throw new AwsFault(code, `${thing.id} is currently attached to ${thing.instanceId}`);
    }
    state.things.delete(thing.id);
    return { return: true };
  };
}

function taggable(state: CloudState, id: string): { tags: Tags } {
  const found =
    state.instances.get(id) ?? state.groups.get(id) ?? state.images.get(id) ?? state.things.get(id);
  if (found) return found;
  throw new AwsFault('InvalidID', `The ID '${id}' is not valid`);
}

export function createTags(state: CloudState, params: Params): Xml {
  const tags = readTags(params);
  for (const id of textsIn(params, 'ResourceId')) Object.assign(taggable(state, id).tags, tags);
  return { return: true };
}

/** A tag is named by its key, and perhaps by its value: then it goes only when it has that. */
export function deleteTags(state: CloudState, params: Params): Xml {
  const unwanted = nodesIn(params, 'Tag').map((one) => ({
    key: textIn(one, 'Key') ?? '',
    value: textIn(one, 'Value'),
  }));
  for (const id of textsIn(params, 'ResourceId')) {
    const { tags } = taggable(state, id);
    for (const { key, value } of unwanted) if (value === undefined || tags[key] === value) delete tags[key];
  }
  return { return: true };
}
