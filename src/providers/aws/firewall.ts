import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, FirewallStore, Vm } from '../../domain/provider.ts';
import { readNetworks } from './cidr.ts';
import { bareId } from './endpoints.ts';
import { failure } from './errors.ts';
import { ensureGroup, findGroup, type Group, networksOf, setNetworks } from './groups.ts';
import { tag } from './labels.ts';
import { findMachine, lookUpMachine } from './machine-lookup.ts';
import { itemsOf, textOf, type XmlNode } from './read-xml.ts';
import { type Aws, callIn, firstIn } from './regions.ts';

export function createFirewallStore(aws: Aws): FirewallStore {
  return {
    async show(key, options) {
      const found = await findAnywhere(aws, key, 'firewall.show', options);
      if (found === null) return null;
      const { v4, v6 } = networksOf(found.group);
      return [...v4, ...v6];
    },
    set: (key, allowed, options) => replaceNetworks(aws, key, allowed, options),
  };
}

function findAnywhere(
  { client, regions }: Aws,
  key: InstanceKey,
  op: string,
  options: CallOptions,
): Promise<{ group: Group; region: string } | null> {
  return firstIn(regions.all(), async (region) => {
    const group = await findGroup(client, callIn(region, op, options), key);
    return group && { group, region };
  });
}

async function replaceNetworks(
  aws: Aws,
  key: InstanceKey,
  allowed: readonly string[],
  options: CallOptions,
): Promise<void> {
  const op = 'firewall.set';
  const networks = readNetworks(allowed, op);
  const vm = await findMachine(aws, key, op, options);
  if (vm === null) throw failure('not-found', op, 'there is no machine with that key');
  const call = callIn(vm.region, op, options);
  const group = await findGroup(aws.client, call, key);
  if (group) await setNetworks(aws.client, call, group, networks);
  await attach(aws, vm, key, group, allowed, options);
}

/** Somebody may have taken the group off the machine, or deleted it: then it is put back, in place of all others. */
async function attach(
  aws: Aws,
  vm: Vm,
  key: InstanceKey,
  group: Group | null,
  allowed: readonly string[],
  options: CallOptions,
): Promise<void> {
  const call = callIn(vm.region, 'firewall.set', options);
  const found = await lookUpMachine(aws, vm.id, call.op, options);
  if (found === null) return;
  const worn = groupIds(found.node);
  if (group && worn.length === 1 && worn[0] === group.id) return;
  const vpcId = textOf(found.node, 'vpcId');
  const { id: groupId } =
    group ??
    (await ensureGroup(
      aws.client,
      call,
      { key, name: `spuff-${key}` },
      {
        tags: { ...vm.labels, [tag.kind]: 'firewall' },
        allowed,
        ...(vpcId !== null && { vpcId }),
      },
    ));
  await aws.client.ec2(call, 'ModifyInstanceAttribute', {
    InstanceId: bareId(vm.id),
    GroupId: [groupId],
  });
}

function groupIds(node: XmlNode): string[] {
  return itemsOf(node, 'groupSet').map((item) => textOf(item, 'groupId') ?? '');
}
