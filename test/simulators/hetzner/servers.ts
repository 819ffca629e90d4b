import type { SimAnswer, SimRequest } from '../sim-server.ts';
import {
  type Action,
  invalidInput,
  isoTime,
  notFound,
  page,
  pick,
  Refusal,
  readBody,
  readLabels,
  readName,
  showAction,
  statusOf,
} from './answers.ts';
import { showImage } from './images.ts';
import { metadataOf } from './metadata.ts';
import { locations, type SimImage, serverTypes } from './offers.ts';
import {
  deletingMs,
  initializingMs,
  offMs,
  type SimPossession,
  type SimServerRecord,
  type SimState,
  startingMs,
} from './state.ts';

/** What the tests can set. */
export interface ServerRules {
  listLagSeconds: number;
  fullRegions: string[];
  failNextPlacement: boolean;
  machineLimit: number;
}

export async function createServer(
  state: SimState,
  rules: ServerRules,
  request: SimRequest,
): Promise<SimAnswer> {
  const body = readBody(request);
  const order = readOrder(state, body);
  if (state.servers.size >= rules.machineLimit) {
    const details = { limits: [{ name: 'server_limit' }] };
    throw new Refusal(403, 'resource_limit_exceeded', 'server limit reached', details);
  }
  const stocked = order.type.locations.find(({ name }) => name === order.location.name);
  if (!stocked?.available || rules.fullRegions.includes(order.location.name))
    throw new Refusal(412, 'resource_unavailable', 'error during placement');
  const fails = rules.failNextPlacement;
  rules.failNextPlacement = false;
  const server = await addServer(state, { ...order, fails });
  for (const { firewall } of (body['firewalls'] ?? []) as { firewall: number }[])
    state.firewalls.get(firewall)?.appliedTo.set(server.id, Number.POSITIVE_INFINITY);
  const error = fails ? { code: 'action_failed', message: 'Action failed' } : null;
  const on = [{ id: server.id, type: 'server' }];
  const action = state.addAction('create_server', on, initializingMs, error);
  const start = state.addAction('start_server', on, initializingMs + offMs + startingMs, error);
  const nowMs = state.clock.now();
  const hasKeys = ((body['ssh_keys'] ?? []) as unknown[]).length > 0;
  return {
    status: 201,
    body: {
      // First, so that an error which quotes the beginning of the answer would show it.
      root_password: hasKeys ? null : `RootPw${server.id}canary`,
      server: await showServer(state, server),
      action: showAction(action, nowMs),
      next_actions: [showAction(start, nowMs)],
    },
  };
}

type Order = Pick<
  SimServerRecord,
  'name' | 'type' | 'location' | 'image' | 'labels' | 'userData' | 'publicKeys'
>;

function readOrder(state: SimState, body: Record<string, unknown>): Order {
  const name = readName(body);
  if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/.test(name)) throw invalidInput('name');
  const type = serverTypes.find((one) => one.name === body['server_type']);
  if (!type) throw invalidInput('server_type', 'server type not found');
  const location = locations.find((one) => one.name === body['location']);
  if (!location) throw invalidInput('location', 'location not found');
  if (!type.locations.some((one) => one.name === location.name))
    throw new Refusal(422, 'invalid_input', 'unsupported location for server type');
  const image = findImage(state, body['image'], type.architecture);
  if (!image) throw invalidInput('image', 'image not found');
  const publicKeys = ((body['ssh_keys'] ?? []) as (number | string)[]).map((key) => {
    const known = [...state.sshKeys.values()].find((one) => one.id === key || one.name === key);
    if (!known) throw invalidInput('ssh_keys', 'SSH key not found');
    return known.publicKey;
  });
  for (const { firewall } of (body['firewalls'] ?? []) as { firewall: number }[])
    if (!state.firewalls.has(firewall)) throw notFound('firewall');
  const userData = (body['user_data'] ?? '') as string;
  if (Buffer.byteLength(userData) > 32_768)
    throw invalidInput('user_data', 'Length must be between 0 and 32768.');
  const labels = readLabels(body['labels']);
  if ([...state.servers.values()].some((one) => one.name === name)) {
    const details = { fields: [{ name: 'name' }] };
    throw new Refusal(409, 'uniqueness_error', 'server name is already used', details);
  }
  return { name, type, location, image, labels, userData, publicKeys };
}

function findImage(state: SimState, wanted: unknown, architecture: string): SimImage | undefined {
  return [...state.images.values()].find(
    (one) =>
      one.architecture === architecture &&
      one.readyMs <= state.clock.now() &&
      (String(one.id) === String(wanted) || one.name === wanted),
  );
}

/** A server, its two addresses, and the machine behind it. */
export async function addServer(
  state: SimState,
  order: Order & { fails?: boolean; createdMs?: number },
): Promise<SimServerRecord> {
  const id = state.nextId();
  const createdMs = order.createdMs ?? state.clock.now();
  const address = (kind: SimPossession['kind'], ip: string): void => {
    const name = `primary_ip-${id}-${kind}`;
    const addressId = state.nextId();
    state.possessions.set(addressId, {
      ...{ id: addressId, kind, name, createdMs, labels: {}, serverId: id, autoDelete: true, ip },
    });
  };
  const server = { fails: false, ...order, id, createdMs, machineId: '', ipv4: '', deletedMs: null };
  // Before the machine boots: two orders at once must not get one name each.
  state.servers.set(id, server);
  const machine = await state.backing.boot(metadataOf(server));
  Object.assign(server, { machineId: machine.id, ipv4: machine.ipv4 });
  address('ipv4', machine.ipv4);
  address('ipv6', `2001:db8:${(id % 0xffff).toString(16)}::/64`);
  return server;
}

async function statusNow(state: SimState, server: SimServerRecord): Promise<string> {
  const ageMs = state.clock.now() - server.createdMs;
  if (server.deletedMs !== null) return 'deleting';
  if (ageMs < initializingMs) return 'initializing';
  if (server.fails || ageMs < initializingMs + offMs) return 'off';
  if (ageMs < initializingMs + offMs + startingMs) return 'starting';
  return (await state.backing.state(server.machineId)) === 'running' ? 'running' : 'off';
}

export async function showServer(state: SimState, server: SimServerRecord): Promise<unknown> {
  const { id, name, labels, type, location } = server;
  const own = [...state.possessions.values()].filter(({ serverId }) => serverId === id);
  const v4 = own.find(({ kind }) => kind === 'ipv4');
  const v6 = own.find(({ kind }) => kind === 'ipv6');
  const before = [...state.firewalls.values()].filter(({ appliedTo }) => appliedTo.has(id));
  return {
    ...{ id, name, labels, location, server_type: type, status: await statusNow(state, server) },
    created: isoTime(server.createdMs),
    public_net: {
      ipv4: v4 ? { id: v4.id, ip: v4.ip, blocked: false, dns_ptr: `static.${v4.ip}.example` } : null,
      ipv6: v6 ? { id: v6.id, ip: v6.ip, blocked: false, dns_ptr: [] } : null,
      floating_ips: [],
      firewalls: before.map((firewall) => ({ id: firewall.id, status: 'applied' })),
    },
    private_net: [],
    image: showImage(server.image, state.clock.now()),
    iso: null,
    rescue_enabled: false,
    locked: isLocked(state, id),
    backup_window: null,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 21_990_232_555_520,
    protection: { delete: false, rebuild: false },
    volumes: own.filter(({ kind }) => kind === 'volume').map((volume) => volume.id),
    load_balancers: [],
    primary_disk_size: type.disk,
    placement_group: null,
  };
}

export async function listServers(state: SimState, lagMs: number, request: SimRequest): Promise<SimAnswer> {
  const visible = [...state.servers.values()].filter(
    ({ createdMs }) => createdMs + lagMs <= state.clock.now(),
  );
  const answer = page(request, 'servers', pick(request, visible), (server) => server);
  const body = answer.body as { servers: SimServerRecord[] };
  const servers = await Promise.all(body.servers.map((server) => showServer(state, server)));
  return { ...answer, body: { ...body, servers } };
}

export function getServer(state: SimState, id: string | undefined): SimServerRecord {
  const server = state.servers.get(Number(id));
  if (!server) throw notFound(`server with ID '${id}'`);
  return server;
}

function isLocked(state: SimState, serverId: number): boolean {
  return state
    .actionsOf(serverId)
    .some((action) => action.command !== 'start_server' && statusOf(action, state.clock.now()) === 'running');
}

function unlocked(state: SimState, id: string | undefined): SimServerRecord {
  const server = getServer(state, id);
  if (isLocked(state, server.id))
    throw new Refusal(423, 'locked', 'server is locked: there is already an action running');
  return server;
}

export function deleteServer(state: SimState, id: string | undefined): SimAnswer {
  const server = unlocked(state, id);
  server.deletedMs ??= state.clock.now();
  const action = state.addAction('delete_server', [{ id: server.id, type: 'server' }], deletingMs);
  return { status: 200, body: { action: showAction(action, state.clock.now()) } };
}

/** Stays on record; what a server does by itself leaves none. */
export async function powerOffServer(
  state: SimState,
  id: string | undefined,
  command: 'stop_server' | 'shutdown_server',
): Promise<SimAnswer> {
  const server = unlocked(state, id);
  await state.backing.powerOff(server.machineId);
  return acted(state, state.addAction(command, [{ id: server.id, type: 'server' }], 1_000));
}

export async function powerOnServer(state: SimState, id: string | undefined): Promise<SimAnswer> {
  const server = unlocked(state, id);
  await state.backing.powerOn(server.machineId);
  return acted(state, state.addAction('start_server', [{ id: server.id, type: 'server' }], 1_000));
}

/** Answers with the action that does it. */
export function acted(state: SimState, action: Action): SimAnswer {
  return { status: 201, body: { action: showAction(action, state.clock.now()) } };
}

export function snapshotServer(
  state: SimState,
  request: SimRequest,
  id: string | undefined,
  fails: boolean,
): SimAnswer {
  const server = unlocked(state, id);
  const body = readBody(request);
  if ((body['type'] ?? 'snapshot') !== 'snapshot') throw invalidInput('type');
  const nowMs = state.clock.now();
  const image: SimImage = {
    ...{ id: state.nextId(), type: 'snapshot', name: null, fails, createdMs: nowMs, readyMs: nowMs + 4_000 },
    description: (body['description'] ?? `snapshot of ${server.name}`) as string,
    os_flavor: server.image.os_flavor,
    os_version: server.image.os_version,
    architecture: server.image.architecture,
    createdFrom: { id: server.id, name: server.name },
    deprecated: null,
    labels: readLabels(body['labels']),
  };
  state.images.set(image.id, image);
  const on = [
    { id: server.id, type: 'server' },
    { id: image.id, type: 'image' },
  ];
  const error = fails ? { code: 'action_failed', message: 'Action failed' } : null;
  const action = state.addAction('create_image', on, 4_000, error);
  return { status: 201, body: { image: showImage(image, nowMs), action: showAction(action, nowMs) } };
}
