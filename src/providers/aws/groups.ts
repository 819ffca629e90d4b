/** Security groups: one for each machine, named after its key. @see https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html */
import type { InstanceKey } from '../../domain/ids.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { poll } from '../../lib/retry.ts';
import { type Networks, readNetworks } from './cidr.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { failure, rawCodeOf } from './errors.ts';
import { keyOf, tag, tagSpecification, tagsOf } from './labels.ts';
import { filterBy, type QueryParams } from './query-body.ts';
import { itemsOf, requireText, textOf, type XmlNode } from './read-xml.ts';

export interface Group {
  id: string;
  key: InstanceKey | null;
  vpcId: string | null;
  node: XmlNode;
}

/** How long AWS may take to show what it has made, in seconds. */
export const lagSeconds = 30;
export const lagPolicy = { firstDelayMs: 1_000, factor: 1.5, maxDelayMs: 5_000, jitter: 0.2 };

export function groupParams(
  name: string,
  tags: Readonly<Record<string, string>>,
  vpcId?: string,
): QueryParams {
  return {
    GroupName: name,
    GroupDescription: 'Who may reach port 22 of one machine of spuff',
    VpcId: vpcId,
    TagSpecification: tagSpecification(['security-group'], tags),
  };
}

/** What lets SSH in from these networks, and from nowhere else. */
export function permissionParams(groupId: string, { v4, v6 }: Networks): QueryParams {
  return {
    GroupId: groupId,
    IpPermissions: [
      {
        ...{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22 },
        IpRanges: v4.map((CidrIp) => ({ CidrIp })),
        Ipv6Ranges: v6.map((CidrIpv6) => ({ CidrIpv6 })),
      },
    ],
  };
}

/** Spuff's group of a key, in one region. */
export async function findGroup(client: AwsClient, call: AwsCall, key: InstanceKey): Promise<Group | null> {
  const answer = await client.ec2(call, 'DescribeSecurityGroups', {
    Filter: [filterBy(`tag:${tag.kind}`, 'firewall'), filterBy(`tag:${tag.key}`, key)],
  });
  const groups = itemsOf(answer, 'securityGroupInfo').map((node) => toGroup(node, call.op));
  return groups.find((group) => group.key === key) ?? null;
}

function toGroup(node: XmlNode, op: string): Group {
  return {
    id: requireText(node, 'groupId', op),
    key: keyOf(tagsOf(node)),
    vpcId: textOf(node, 'vpcId'),
    node,
  };
}

/**
 * The group of a machine that is to be, with just the rules that are wanted. Its name is unique in a network: of two who
 * make it at once, one finds it made.
 * @returns `isNew` when this call has made it: of whoever ordered a machine behind it before, it is not
 * @throws ProviderError `name-taken` where one of that name is not spuff's
 */
export async function ensureGroup(
  client: AwsClient,
  call: AwsCall,
  spec: Pick<VmSpec, 'key' | 'name'>,
  order: { tags: Readonly<Record<string, string>>; allowed: readonly string[]; vpcId?: string },
): Promise<{ id: string; isNew: boolean }> {
  const wanted = readNetworks(order.allowed, call.op);
  try {
    const made = await client.ec2(
      call,
      'CreateSecurityGroup',
      groupParams(spec.name, order.tags, order.vpcId),
    );
    const id = requireText(made, 'groupId', call.op);
    await addNetworks(client, call, id, wanted);
    return { id, isNew: true };
  } catch (error) {
    if (rawCodeOf(error) === 'VPCIdNotSpecified') throw noNetwork(call, error);
    if (rawCodeOf(error) !== 'InvalidGroup.Duplicate') throw error;
    const group = await findMadeGroup(client, call, spec, error);
    await setNetworks(client, call, group, wanted);
    return { id: group.id, isNew: false };
  }
}

function noNetwork({ op, region }: AwsCall, cause: unknown): Error {
  return failure('invalid', op, `the account has no default VPC in ${region} for a machine to be in`, {
    field: 'region',
    hints: [`make one: aws ec2 create-default-vpc --region ${region}`, 'or take another region'],
    cause,
  });
}

/** It exists, so it shows within the lag, or it is somebody else's. */
async function findMadeGroup(
  client: AwsClient,
  call: AwsCall,
  { key, name }: Pick<VmSpec, 'key' | 'name'>,
  cause: unknown,
): Promise<Group> {
  const { signal, deadline } = call.options;
  const untilMs = client.runtime.now() + lagSeconds * 1_000 + lagPolicy.maxDelayMs;
  const found = await poll(async () => (await findGroup(client, call, key)) ?? undefined, {
    ...{ policy: lagPolicy, runtime: client.runtime, signal },
    deadlineMs: Math.min(untilMs, deadline.getTime()),
  });
  if (found) return found;
  throw failure('name-taken', call.op, `a security group that is not spuff's bears the name ${name}`, {
    cause,
  });
}

/** The networks that may reach port 22. */
export function networksOf({ node }: Group): Networks {
  const ssh = itemsOf(node, 'ipPermissions').filter(
    (rule) =>
      textOf(rule, 'ipProtocol') === '-1' ||
      (Number(textOf(rule, 'fromPort')) <= 22 && Number(textOf(rule, 'toPort')) >= 22),
  );
  const texts = (list: string, name: string) =>
    ssh.flatMap((rule) => itemsOf(rule, list).map((item) => textOf(item, name) ?? '')).filter(Boolean);
  return { v4: texts('ipRanges', 'cidrIp'), v6: texts('ipv6Ranges', 'cidrIpv6') };
}

/** First what is to be added, then what is to go: whoever stays is let in all the time. */
export async function setNetworks(
  client: AwsClient,
  call: AwsCall,
  group: Group,
  wanted: Networks,
): Promise<void> {
  const had = networksOf(group);
  await addNetworks(client, call, group.id, without(wanted, had));
  const over = without(had, wanted);
  if (isEmpty(over)) return;
  try {
    await client.ec2(call, 'RevokeSecurityGroupIngress', permissionParams(group.id, over));
  } catch (error) {
    if (rawCodeOf(error) !== 'InvalidPermission.NotFound') throw error;
  }
}

async function addNetworks(client: AwsClient, call: AwsCall, groupId: string, more: Networks): Promise<void> {
  if (isEmpty(more)) return;
  try {
    await untilShown(client, call, () =>
      client.ec2(call, 'AuthorizeSecurityGroupIngress', permissionParams(groupId, more)),
    );
  } catch (error) {
    if (rawCodeOf(error) !== 'InvalidPermission.Duplicate') throw error;
    // AWS refuses all of them when one is there already.
    const each = [
      ...more.v4.map((one) => ({ v4: [one], v6: [] })),
      ...more.v6.map((one) => ({ v4: [], v6: [one] })),
    ];
    if (each.length > 1) for (const one of each) await addNetworks(client, call, groupId, one);
  }
}

/** Repeats what is refused because the group that was just made does not show yet, for as long as that may take. */
export async function untilShown<T>(client: AwsClient, call: AwsCall, work: () => Promise<T>): Promise<T> {
  const { signal, deadline } = call.options;
  let refusal: unknown;
  const done = await poll(
    async () => {
      try {
        return { value: await work() };
      } catch (error) {
        if (rawCodeOf(error) !== 'InvalidGroup.NotFound') throw error;
        refusal = error;
        return undefined;
      }
    },
    {
      ...{ policy: lagPolicy, runtime: client.runtime, signal },
      deadlineMs: Math.min(client.runtime.now() + lagSeconds * 1_000, deadline.getTime()),
    },
  );
  if (done) return done.value;
  throw refusal;
}

function without(networks: Networks, others: Networks): Networks {
  return {
    v4: networks.v4.filter((one) => !others.v4.includes(one)),
    v6: networks.v6.filter((one) => !others.v6.includes(one)),
  };
}

function isEmpty({ v4, v6 }: Networks): boolean {
  return v4.length + v6.length === 0;
}
