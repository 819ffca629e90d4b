import type { InstanceKey } from '../../domain/ids.ts';
import type { Leftover } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { poll } from '../../lib/retry.ts';
import type { AwsCall } from './client.ts';
import { bareId, placeId, readPlacedId } from './endpoints.ts';
import { failure } from './errors.ts';
import { keyOf, tag, tagsOf } from './labels.ts';
import { machinesIn } from './machine-lookup.ts';
import { filterBy, type QueryParams } from './query-body.ts';
import { requireText, textOf, type XmlNode } from './read-xml.ts';
import type { Aws } from './regions.ts';

interface Remains {
  kind: Leftover['kind'];
  prefix: string;
  describe: string;
  list: string;
  idName: string;
  /** Of the parameter that names one, for Describe and for the end. */
  parameter: string;
  end: string;
  billed: boolean;
}

/** What can outlive a machine. Snapshots are there on purpose, and key pairs are never made. */
const remains: readonly Remains[] = [
  {
    ...{ kind: 'firewall', prefix: 'sg', describe: 'DescribeSecurityGroups', list: 'securityGroupInfo' },
    ...{ idName: 'groupId', parameter: 'GroupId', end: 'DeleteSecurityGroup', billed: false },
  },
  {
    ...{ kind: 'volume', prefix: 'vol', describe: 'DescribeVolumes', list: 'volumeSet' },
    ...{ idName: 'volumeId', parameter: 'VolumeId', end: 'DeleteVolume', billed: true },
  },
  {
    ...{ kind: 'nic', prefix: 'eni', describe: 'DescribeNetworkInterfaces', list: 'networkInterfaceSet' },
    ...{ idName: 'networkInterfaceId', parameter: 'NetworkInterfaceId', end: 'DeleteNetworkInterface' },
    billed: false,
  },
  {
    ...{ kind: 'ip', prefix: 'eipalloc', describe: 'DescribeAddresses', list: 'addressesSet' },
    ...{ idName: 'allocationId', parameter: 'AllocationId', end: 'ReleaseAddress', billed: true },
  },
];

/** What bears the mark of a machine that is no more. */
export async function findLeftovers(aws: Aws, key: InstanceKey | null, call: AwsCall): Promise<Leftover[]> {
  const filters = key === null ? [] : [filterBy(`tag:${tag.key}`, key)];
  // The things first: a machine that comes to be meanwhile is then among the living.
  const found = await Promise.all(remains.map((kind) => findRemains(aws, kind, call, filters)));
  // What bears the mark and no proper key is not touched, so it is not told either.
  const things = found.flat().filter((one) => one.key !== null && (key === null || one.key === key));
  if (things.length === 0) return [];
  const living = new Set<InstanceKey | null>();
  for await (const vm of machinesIn(aws, call, filters)) living.add(vm.key);
  return things.filter((one) => !living.has(one.key));
}

async function findRemains(
  { client }: Aws,
  kind: Remains,
  call: AwsCall,
  filters: readonly ReturnType<typeof filterBy>[],
): Promise<Leftover[]> {
  const all: Leftover[] = [];
  // DescribeAddresses has no pages.
  const params: QueryParams = {
    Filter: [filterBy('tag-key', tag.kind), ...filters],
    ...(kind.kind !== 'ip' && { MaxResults: 500 }),
  };
  for await (const page of client.ec2Pages(call, kind.describe, kind.list, params)) {
    for (const node of page) if (!isGoing(node)) all.push(toLeftover(node, kind, call));
  }
  return all;
}

/** A volume that is being deleted is listed for some seconds. */
function isGoing(node: XmlNode): boolean {
  return ['deleting', 'deleted'].includes(textOf(node, 'status') ?? '');
}

function toLeftover(node: XmlNode, { kind, idName, billed }: Remains, call: AwsCall): Leftover {
  const tags = tagsOf(node);
  const id = placeId(call.region, requireText(node, idName, call.op));
  return { kind, id, name: tags.get(tag.name) ?? id, key: keyOf(tags), billed };
}

/** One thing, in the region of the call. Absent is success; what is in use is waited for, and then `conflict`. */
export async function removeRemains(aws: Aws, leftover: Leftover, call: AwsCall): Promise<void> {
  const kind = remains.find((one) => one.kind === leftover.kind);
  if (!kind) throw failure('invalid', call.op, `nothing of the kind ${leftover.kind} is left over by AWS`);
  if (readPlacedId(leftover.id, kind.prefix) !== null)
    await removeIn(aws, kind, bareId(leftover.id), leftover.key, call);
}

export function notOurs(op: string): ProviderError {
  return failure('protected', op, 'it does not carry the key that it was to be removed by');
}

/** Groups and interfaces stay in use until the machine is gone altogether, which takes longer than its being terminated. */
const policy = { firstDelayMs: 2_000, factor: 1.5, maxDelayMs: 15_000, jitter: 0.2 };
const inUseMs = 300_000;

async function removeIn(
  { client }: Aws,
  kind: Remains,
  id: string,
  key: InstanceKey | null,
  call: AwsCall,
): Promise<void> {
  const { signal, deadline } = call.options;
  const named = { [kind.parameter]: [id] };
  const gone = (error: unknown) => error instanceof ProviderError && error.providerCode === 'not-found';
  let inUse: unknown;
  const done = await poll(
    async () => {
      try {
        const [node] = await client.ec2Pages(call, kind.describe, kind.list, named).next().then(itemsIn);
        if (!node || isGoing(node)) return true;
        const tags = tagsOf(node);
        if (key === null || keyOf(tags) !== key) throw notOurs(call.op);
        await client.ec2(call, kind.end, { [kind.parameter]: id });
        return true;
      } catch (error) {
        if (gone(error)) return true;
        if (!(error instanceof ProviderError) || error.providerCode !== 'conflict') throw error;
        inUse = error;
        return undefined;
      }
    },
    {
      ...{ policy, runtime: client.runtime, signal },
      deadlineMs: Math.min(client.runtime.now() + inUseMs, deadline.getTime()),
    },
  );
  if (!done) throw inUse;
}

function itemsIn(page: IteratorResult<XmlNode[]>): XmlNode[] {
  return page.done ? [] : page.value;
}
