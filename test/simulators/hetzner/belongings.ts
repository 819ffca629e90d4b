/** Login keys, volumes and addresses of the simulated project. */
import { createHash } from 'node:crypto';
import type { SimAnswer, SimRequest } from '../sim-server.ts';
import {
  invalidInput,
  isoTime,
  notFound,
  page,
  pick,
  Refusal,
  readBody,
  readLabels,
  readName,
} from './answers.ts';
import { locations } from './offers.ts';
import type { SimPossession, SimSshKey, SimState } from './state.ts';

export function createSshKey(state: SimState, request: SimRequest): SimAnswer {
  const body = readBody(request);
  const name = readName(body);
  const publicKey = String(body['public_key'] ?? '').trim();
  const blob = /^[a-z0-9@.-]+ ([A-Za-z0-9+/=]+)(?: .*)?$/.exec(publicKey)?.[1];
  if (blob === undefined) throw invalidInput('public_key');
  const md5 = createHash('md5').update(Buffer.from(blob, 'base64')).digest('hex');
  const fingerprint = (md5.match(/../g) ?? []).join(':');
  for (const one of state.sshKeys.values()) {
    const field = one.fingerprint === fingerprint ? 'public_key' : one.name === name ? 'name' : undefined;
    if (field !== undefined) {
      const message =
        field === 'name' ? 'name is already used' : 'SSH key with the same fingerprint already exists';
      throw new Refusal(409, 'uniqueness_error', message, { fields: [{ name: field }] });
    }
  }
  const key: SimSshKey = {
    ...{ id: state.nextId(), name, publicKey, fingerprint, createdMs: state.clock.now() },
    labels: readLabels(body['labels']),
  };
  state.sshKeys.set(key.id, key);
  return { status: 201, body: { ssh_key: showSshKey(key) } };
}

export function showSshKey({ id, name, publicKey, fingerprint, createdMs, labels }: SimSshKey): unknown {
  return { id, name, labels, fingerprint, public_key: publicKey, created: isoTime(createdMs) };
}

export function listSshKeys(state: SimState, request: SimRequest): SimAnswer {
  const fingerprint = request.query.get('fingerprint');
  const found = pick(request, state.sshKeys.values()).filter(
    (key) => fingerprint === null || key.fingerprint === fingerprint,
  );
  return page(request, 'ssh_keys', found, showSshKey);
}

export function getSshKey(state: SimState, id: string | undefined): SimSshKey {
  const key = state.sshKeys.get(Number(id));
  if (!key) throw notFound(`SSH key with ID '${id}'`);
  return key;
}

export function deleteSshKey(state: SimState, id: string | undefined): SimAnswer {
  state.sshKeys.delete(getSshKey(state, id).id);
  return { status: 204, body: '' };
}

type Collection = 'volumes' | 'primary_ips';

const isOf = (collection: Collection, { kind }: SimPossession) =>
  (kind === 'volume') === (collection === 'volumes');

export function listPossessions(state: SimState, collection: Collection, request: SimRequest): SimAnswer {
  const all = [...state.possessions.values()].filter((one) => isOf(collection, one));
  return page(request, collection, pick(request, all), showPossession);
}

export function getPossession(
  state: SimState,
  collection: Collection,
  id: string | undefined,
): SimPossession {
  const one = state.possessions.get(Number(id));
  if (!one || !isOf(collection, one)) throw notFound(`${collection} with ID '${id}'`);
  return one;
}

export function deletePossession(state: SimState, collection: Collection, id: string | undefined): SimAnswer {
  const one = getPossession(state, collection, id);
  if (one.serverId !== null && one.kind === 'volume')
    throw new Refusal(423, 'locked', 'volume is still attached to a server');
  if (one.serverId !== null) throw new Refusal(422, 'must_be_unassigned', 'primary IP must be unassigned');
  state.possessions.delete(one.id);
  return { status: 204, body: '' };
}

export function showPossession(one: SimPossession): unknown {
  const { id, name, labels, kind, serverId } = one;
  const common = {
    id,
    name,
    labels,
    created: isoTime(one.createdMs),
    protection: { delete: false },
    location: locations[1],
  };
  if (kind === 'volume') {
    const device = `/dev/disk/by-id/scsi-0HC_Volume_${id}`;
    return {
      ...common,
      server: serverId,
      size: 10,
      status: 'available',
      format: 'ext4',
      linux_device: device,
    };
  }
  const assignee = { assignee_type: 'server', assignee_id: serverId };
  return {
    ...common,
    ...assignee,
    type: kind,
    ip: one.ip,
    blocked: false,
    dns_ptr: [],
    auto_delete: one.autoDelete,
  };
}
