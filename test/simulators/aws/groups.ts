import { account, type CloudState, type Group, makeId } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { idsIn, pageOf, passes, required, tagSet, tagsFor } from './filters.ts';
import { isWorn } from './instances.ts';
import { nodesIn, type Params, textIn, textsIn, type Xml } from './wire.ts';

export function createGroup(state: CloudState, params: Params, region: string): Xml {
  const name = required(params, 'GroupName');
  const description = required(params, 'GroupDescription');
  if (!/^[\w .\-:/()#,@[\]+=&;{}!$*]{1,255}$/.test(description))
    throw new AwsFault('InvalidParameterValue', 'Invalid security group description.');
  const vpcId = textIn(params, 'VpcId') ?? state.vpcOf(region);
  const twin = [...state.groups.values()].find((group) => group.vpcId === vpcId && group.name === name);
  if (twin)
    throw new AwsFault(
      'InvalidGroup.Duplicate',
      `The security group '${name}' already exists for VPC '${vpcId}'`,
    );
  const group: Group = {
    ...{ id: makeId('sg'), region, vpcId, name, description, rules: [] },
    tags: tagsFor(params, 'security-group'),
  };
  state.groups.set(group.id, group);
  return { return: true, groupId: group.id, tagSet: tagSet(group.tags) };
}

export function describeGroups(state: CloudState, params: Params, region: string): Xml {
  const ids = idsIn(params, 'GroupId', 'sg', 'GroupId');
  for (const id of ids) requireGroup(state, id, region);
  const names = textsIn(params, 'GroupName');
  const all = [...state.groups.values()].filter(
    (group) =>
      group.region === region &&
      (ids.length === 0 || ids.includes(group.id)) &&
      (names.length === 0 || names.includes(group.name)) &&
      passes(params, group.tags, { 'group-name': group.name, 'group-id': group.id, 'vpc-id': group.vpcId }),
  );
  const { page, nextToken } = pageOf(params, all);
  return { securityGroupInfo: page.map(describe), nextToken };
}

function describe(group: Group): Xml {
  const outwards = { ...{ ipProtocol: '-1', groups: [], ipv6Ranges: [], prefixListIds: [] } };
  return {
    ...{ ownerId: account, groupId: group.id, groupName: group.name, groupDescription: group.description },
    vpcId: group.vpcId,
    ipPermissions: describeRules(group),
    ipPermissionsEgress: [{ ...outwards, ipRanges: [{ cidrIp: '0.0.0.0/0' }] }],
    tagSet: tagSet(group.tags),
  };
}

function describeRules(group: Group): Xml {
  const byPorts = Map.groupBy(group.rules, ({ protocol, from, to }) => `${protocol} ${from} ${to}`);
  return [...byPorts.values()].map((rules) => ({
    ipProtocol: rules[0]?.protocol,
    ...(rules[0]?.protocol !== '-1' && { fromPort: rules[0]?.from, toPort: rules[0]?.to }),
    groups: [],
    ipRanges: rules.filter(({ cidr }) => !cidr.includes(':')).map(({ cidr }) => ({ cidrIp: cidr })),
    ipv6Ranges: rules.filter(({ cidr }) => cidr.includes(':')).map(({ cidr }) => ({ cidrIpv6: cidr })),
    prefixListIds: [],
  }));
}

export function requireGroup(state: CloudState, id: string, region: string): Group {
  const group = state.groups.get(id);
  if (group?.region === region) return group;
  throw new AwsFault('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
}

type Rule = Group['rules'][number];

function readRules(params: Params): Rule[] {
  const rules = nodesIn(params, 'IpPermissions').flatMap((permission) => {
    const ports = {
      protocol: required(permission, 'IpProtocol'),
      from: textIn(permission, 'FromPort') ?? '-1',
      to: textIn(permission, 'ToPort') ?? '-1',
    };
    const v4 = nodesIn(permission, 'IpRanges').map((range) => textIn(range, 'CidrIp') ?? '');
    const v6 = nodesIn(permission, 'Ipv6Ranges').map((range) => textIn(range, 'CidrIpv6') ?? '');
    const bad =
      v4.find((cidr) => !/^\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2}$/.test(cidr)) ??
      v6.find((cidr) => !/^[0-9a-f:]+\/\d{1,3}$/.test(cidr));
    if (bad !== undefined) throw new AwsFault('InvalidParameterValue', `CIDR block ${bad} is malformed`);
    return [...v4, ...v6].map((cidr) => ({ ...ports, cidr }));
  });
  if (rules.length > 0) return rules;
  throw new AwsFault('InvalidParameterValue', 'You must specify one or more sources');
}

function same(a: Rule, b: Rule): boolean {
  return a.protocol === b.protocol && a.from === b.from && a.to === b.to && a.cidr === b.cidr;
}

export function authorize(state: CloudState, params: Params, region: string): Xml {
  const group = requireGroup(state, required(params, 'GroupId'), region);
  const rules = readRules(params);
  const twin = rules.find((rule) => group.rules.some((one) => same(one, rule)));
  if (twin) {
    const message = `the specified rule "peer: ${twin.cidr}, TCP, from port: ${twin.from}, to port: ${twin.to}, ALLOW" already exists`;
    throw new AwsFault('InvalidPermission.Duplicate', message);
  }
  group.rules.push(...rules);
  return { return: true, securityGroupRuleSet: [] };
}

export function revoke(state: CloudState, params: Params, region: string): Xml {
  const group = requireGroup(state, required(params, 'GroupId'), region);
  const rules = readRules(params);
  if (rules.some((rule) => !group.rules.some((one) => same(one, rule))))
    throw new AwsFault(
      'InvalidPermission.NotFound',
      'The specified rule does not exist in this security group.',
    );
  group.rules = group.rules.filter((one) => !rules.some((rule) => same(one, rule)));
  return { return: true };
}

export function deleteGroup(state: CloudState, params: Params, region: string): Xml {
  const group = requireGroup(state, required(params, 'GroupId'), region);
  if (isWorn(state, group.id))
    throw new AwsFault('DependencyViolation', `resource ${group.id} has a dependent object`);
  state.groups.delete(group.id);
  return { return: true };
}
