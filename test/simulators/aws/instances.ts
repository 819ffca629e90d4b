import { isInZone, typeIn, zonesOf } from './catalogue.ts';
import { type CloudState, type Instance, letGoMs, makeId, privateAddress } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { idsIn, isoTime, pageOf, passes, required, tagSet, tagsFor } from './filters.ts';
import { findImage } from './images.ts';
import { metadataOf } from './metadata.ts';
import { checkQuota } from './quotas.ts';
import { nodesIn, type Params, textIn, textsIn, type Xml } from './wire.ts';

const stateCodes: Record<string, number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** The order of a machine: the same token again gives the same machine, or a refusal where the order is another one. */
export async function runInstances(state: CloudState, params: Params, region: string): Promise<Xml> {
  if (required(params, 'MinCount') !== '1' || required(params, 'MaxCount') !== '1')
    throw new AwsFault('InvalidParameterValue', 'the simulator makes one machine at a time');
  const clientToken = textIn(params, 'ClientToken') ?? makeId('token');
  if (!/^[\x21-\x7e]{1,64}$/.test(clientToken))
    throw new AwsFault('InvalidParameterValue', 'Invalid value for clientToken');
  const order = JSON.stringify(params);
  const zone = textIn(params, 'Placement', 'AvailabilityZone');
  // A token counts for the region, or for the one zone that an order names.
  const known = [...state.instances.values()].find(
    (one) =>
      one.region === region &&
      one.clientToken === clientToken &&
      (zone === undefined ? !one.zoneNamed : one.zoneNamed && one.zone === zone),
  );
  if (known && known.order !== order) {
    const message =
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).';
    throw new AwsFault('IdempotentParameterMismatch', message);
  }
  if (known) return answerOf(state, known);
  const instance = readOrder(state, params, region, { clientToken, order });
  checkQuota(state, instance);
  checkRoom(state, instance);
  keepOrder(state, instance, params);
  // Whoever asks with the same token while it boots finds it.
  if (!instance.doomed) instance.backing = await state.backing.boot(metadataOf(state, instance));
  return answerOf(state, instance);
}

function answerOf(state: CloudState, instance: Instance): Xml {
  return {
    reservationId: instance.reservationId,
    ownerId: '123456789012',
    groupSet: [],
    instancesSet: [describe(state, instance)],
  };
}

function checkRoom({ settings }: CloudState, { region, zone, type, zoneNamed }: Instance): void {
  if (zoneNamed && !isInZone(type, zone)) {
    const message = `Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}).`;
    throw new AwsFault('Unsupported', message);
  }
  if (!settings.fullRegions.includes(region) && !settings.fullZones.includes(zone)) return;
  throw new AwsFault(
    'InsufficientInstanceCapacity',
    `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity.`,
    500,
  );
}

/** The zone that an order names, or the first one that has the type: AWS takes no look at who has room. */
function zoneFor(params: Params, region: string, type: string): { zone: string; zoneNamed: boolean } {
  const named = textIn(params, 'Placement', 'AvailabilityZone');
  const zones = zonesOf(region);
  if (named !== undefined && !zones.includes(named))
    throw new AwsFault('InvalidParameterValue', `Invalid availability zone: [${named}]`);
  const zone = named ?? zones.find((one) => isInZone(type, one)) ?? '';
  return { zone, zoneNamed: named !== undefined };
}

function readOrder(
  state: CloudState,
  params: Params,
  region: string,
  more: { clientToken: string; order: string },
): Instance {
  const image = findImage(state, required(params, 'ImageId'), region);
  const type = textIn(params, 'InstanceType') ?? 't2.micro';
  if (typeIn(type, region).arch !== image.arch) {
    const message = `The architecture '${image.arch}' of the specified AMI does not match the instance type '${type}'.`;
    throw new AwsFault('InvalidParameterValue', message);
  }
  const userData = Buffer.from(textIn(params, 'UserData') ?? '', 'base64').toString();
  if (Buffer.byteLength(userData) > 16_384)
    throw new AwsFault('InvalidParameterValue', 'User data is limited to 16384 bytes');
  const given = idsIn(params, 'SecurityGroupId', 'sg', 'GroupId');
  const lost = given.find((id) => state.groups.get(id)?.region !== region);
  if (lost !== undefined)
    throw new AwsFault('InvalidGroup.NotFound', `The security group '${lost}' does not exist`);
  const doomed = state.settings.failNextPlacement;
  state.settings.failNextPlacement = false;
  const now = state.now();
  return {
    ...zoneFor(params, region, type),
    ...{ id: makeId('i'), region, type, imageId: image.id, arch: image.arch, ...more, userData, doomed },
    ...{ rootDevice: image.rootDevice, reservationId: makeId('r'), groupIds: given },
    ...{ volumeId: makeId('vol'), nicId: makeId('eni'), tags: tagsFor(params, 'instance') },
    spot: textIn(params, 'InstanceMarketOptions', 'MarketType') === 'spot',
    shutdownTerminates: textIn(params, 'InstanceInitiatedShutdownBehavior') === 'terminate',
    protectedFromEnd: textIn(params, 'DisableApiTermination') === 'true',
    metadata: {
      httpTokens: textIn(params, 'MetadataOptions', 'HttpTokens') ?? 'optional',
      hopLimit: textIn(params, 'MetadataOptions', 'HttpPutResponseHopLimit') ?? '1',
      httpEndpoint: textIn(params, 'MetadataOptions', 'HttpEndpoint') ?? 'enabled',
    },
    createdMs: now,
    shownMs: now + state.settings.listLagSeconds * 1_000,
    ...{ endingMs: null, stoppedMs: null, backing: null },
    reason: doomed
      ? { code: 'Server.InternalError', message: 'Server.InternalError: Internal error on launch' }
      : null,
  };
}

/** The machine, its disk and its interface. A disk that the order names besides that of the image is a second one. */
export function keepOrder(state: CloudState, instance: Instance, params: Params): void {
  const { id, region, createdMs } = instance;
  const thing = { region, instanceId: id, createdMs };
  const [disk] = nodesIn(params, 'BlockDeviceMapping');
  if (disk && textIn(disk, 'DeviceName') !== instance.rootDevice)
    throw new AwsFault('InvalidBlockDeviceMapping', 'the simulator knows the root device only');
  const gib = Number((disk && textIn(disk, 'Ebs', 'VolumeSize')) ?? 8);
  const keeps = disk !== undefined && textIn(disk, 'Ebs', 'DeleteOnTermination') === 'false';
  state.instances.set(id, instance);
  state.things.set(instance.volumeId, {
    ...{ ...thing, kind: 'volume', id: instance.volumeId, gib, tags: tagsFor(params, 'volume') },
    instanceId: keeps ? null : id,
  });
  state.things.set(instance.nicId, {
    ...{ ...thing, kind: 'nic', id: instance.nicId, gib: 0, tags: tagsFor(params, 'network-interface') },
  });
}

export function describeInstances(state: CloudState, params: Params, region: string): Xml {
  const ids = idsIn(params, 'InstanceId', 'i', 'InstanceID');
  for (const id of ids) requireInstance(state, id, region);
  const all = [...state.instances.values()].filter(
    (one) =>
      one.region === region &&
      state.shows(one) &&
      (ids.length === 0 || ids.includes(one.id)) &&
      passes(params, one.tags, {
        'instance-state-name': state.stateOf(one),
        'instance-id': one.id,
        'client-token': one.clientToken,
        'instance-lifecycle': one.spot ? 'spot' : undefined,
      }),
  );
  const { page, nextToken } = pageOf(params, all);
  const reservation = (one: Instance): Xml => answerOf(state, one);
  return { reservationSet: page.map(reservation), nextToken };
}

export function requireInstance(state: CloudState, id: string, region: string): Instance {
  const found = state.instances.get(id);
  if (found && found.region === region && state.shows(found)) return found;
  throw new AwsFault('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
}

export function describe(state: CloudState, one: Instance): Xml {
  const name = state.stateOf(one);
  const ended = name === 'terminated';
  const address = name === 'running' ? one.backing?.ipv4 : undefined;
  const groups = one.groupIds.map((groupId) => ({ groupId, groupName: state.groups.get(groupId)?.name }));
  return {
    ...{ instanceId: one.id, imageId: one.imageId },
    instanceState: { code: stateCodes[name], name },
    ...{ privateDnsName: '', dnsName: '', reason: reasonOf(one), amiLaunchIndex: 0, productCodes: [] },
    ...{ instanceType: one.type, launchTime: isoTime(one.createdMs) },
    placement: { availabilityZone: one.zone, groupName: '', tenancy: 'default' },
    monitoring: { state: 'disabled' },
    ...(!ended && { subnetId: makeId('subnet', one.zone), vpcId: state.vpcOf(one.region) }),
    ...(!ended && { privateIpAddress: privateAddress, ipAddress: address }),
    ...(!ended && { groupSet: groups }),
    stateReason: one.reason ?? undefined,
    ...{ architecture: one.arch, rootDeviceType: 'ebs', rootDeviceName: one.rootDevice },
    blockDeviceMapping: ended ? [] : [blockDevice(one)],
    ...{
      virtualizationType: 'hvm',
      clientToken: one.clientToken,
      tagSet: tagSet(one.tags),
      hypervisor: 'xen',
    },
    instanceLifecycle: one.spot ? 'spot' : undefined,
    networkInterfaceSet: ended ? [] : [{ networkInterfaceId: one.nicId, ipv6AddressesSet: [] }],
    ebsOptimized: false,
    cpuOptions: { coreCount: typeIn(one.type, one.region).vcpus / 2, threadsPerCore: 2 },
    metadataOptions: {
      ...{ state: 'applied', httpTokens: one.metadata.httpTokens, httpEndpoint: one.metadata.httpEndpoint },
      httpPutResponseHopLimit: one.metadata.hopLimit,
    },
  };
}

function reasonOf({ reason, endingMs, stoppedMs }: Instance): string {
  const sinceMs = endingMs ?? stoppedMs;
  if (sinceMs === null || reason?.code === 'Client.InstanceInitiatedShutdown') return '';
  return `User initiated (${isoTime(sinceMs).slice(0, 19).replace('T', ' ')} GMT)`;
}

function blockDevice({ rootDevice, volumeId, createdMs }: Instance): Xml {
  return {
    deviceName: rootDevice,
    ebs: { volumeId, status: 'attached', attachTime: isoTime(createdMs), deleteOnTermination: true },
  };
}

export async function terminateInstances(state: CloudState, params: Params, region: string): Promise<Xml> {
  const machines = idsIn(params, 'InstanceId', 'i', 'InstanceID').map((id) =>
    requireInstance(state, id, region),
  );
  const held = machines.find((one) => one.protectedFromEnd);
  if (held) {
    const message = `The instance '${held.id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`;
    throw new AwsFault('OperationNotPermitted', message);
  }
  const changes: Xml[] = [];
  for (const one of machines) {
    const before = state.stateOf(one);
    await state.end(one);
    changes.push(change(state, one, before));
  }
  return { instancesSet: changes };
}

export async function stopInstances(state: CloudState, params: Params, region: string): Promise<Xml> {
  const changes: Xml[] = [];
  for (const id of idsIn(params, 'InstanceId', 'i', 'InstanceID')) {
    const one = requireInstance(state, id, region);
    const before = state.stateOf(one);
    one.stoppedMs ??= state.now();
    one.reason = {
      code: 'Client.UserInitiatedShutdown',
      message: 'Client.UserInitiatedShutdown: User initiated shutdown',
    };
    if (one.backing) await state.backing.powerOff(one.backing.id);
    changes.push(change(state, one, before));
  }
  return { instancesSet: changes };
}

export async function startInstances(state: CloudState, params: Params, region: string): Promise<Xml> {
  const changes: Xml[] = [];
  for (const id of idsIn(params, 'InstanceId', 'i', 'InstanceID')) {
    const one = requireInstance(state, id, region);
    const before = state.stateOf(one);
    Object.assign(one, { stoppedMs: null, reason: null });
    if (one.backing) await state.backing.powerOn(one.backing.id);
    changes.push(change(state, one, before));
  }
  return { instancesSet: changes };
}

function change(state: CloudState, one: Instance, before: string): Xml {
  const name = state.stateOf(one);
  return {
    instanceId: one.id,
    currentState: { code: stateCodes[name], name },
    previousState: { code: stateCodes[before], name: before },
  };
}

export function modifyMetadata(state: CloudState, params: Params, region: string): Xml {
  const one = requireInstance(state, required(params, 'InstanceId'), region);
  one.metadata.httpEndpoint = textIn(params, 'HttpEndpoint') ?? one.metadata.httpEndpoint;
  one.metadata.httpTokens = textIn(params, 'HttpTokens') ?? one.metadata.httpTokens;
  const { httpTokens, hopLimit, httpEndpoint } = one.metadata;
  const options = { state: 'pending', httpTokens, httpPutResponseHopLimit: hopLimit, httpEndpoint };
  return { instanceId: one.id, instanceMetadataOptions: options };
}

export function modifyAttribute(state: CloudState, params: Params, region: string): Xml {
  const one = requireInstance(state, required(params, 'InstanceId'), region);
  const groups = textsIn(params, 'GroupId');
  if (groups.some((id) => state.groups.get(id)?.region !== region))
    throw new AwsFault('InvalidGroup.NotFound', 'The security group does not exist');
  if (groups.length > 0) one.groupIds = groups;
  const held = textIn(params, 'DisableApiTermination', 'Value');
  if (held !== undefined) one.protectedFromEnd = held === 'true';
  return { return: true };
}

/** Whether a group is still worn: a machine lets go of it some seconds after its end. */
export function isWorn(state: CloudState, groupId: string): boolean {
  return [...state.instances.values()].some((one) => {
    const ended = state.endedMs(one);
    return one.groupIds.includes(groupId) && (ended === null || state.now() < ended + letGoMs);
  });
}
