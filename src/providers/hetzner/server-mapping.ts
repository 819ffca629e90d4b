import type { Vm, VmState } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';
import { showText } from './errors.ts';
import {
  at,
  type Fields,
  optionalObject,
  optionalText,
  type Place,
  readDate,
  readId,
  readObject,
  readText,
} from './fields.ts';
import { labelExpiry, labelInstance, labelKey, labelOnIdle, labelsOf, shownLabels } from './labels.ts';

/** @see https://docs.hetzner.cloud/reference/cloud#tag/servers: `status` */
const states: Readonly<Record<string, VmState>> = {
  initializing: 'provisioning',
  starting: 'provisioning',
  running: 'running',
  stopping: 'stopping',
  off: 'stopped',
  deleting: 'deleting',
  // It runs on another host in a moment, or gets another image: not for spuff to judge.
  migrating: 'unknown',
  rebuilding: 'unknown',
};

/** @throws ProviderError `protocol` that names the field which is missing; a word that is new is no error */
export function toVm(server: Fields, op: string): Vm {
  const place: Place = { op, path: 'server' };
  const labels = labelsOf(server);
  const rawState = readText(server, 'status', place);
  const network = readObject(server['public_net'], at(place, 'public_net'));
  const ipv4 = addressOf(network['ipv4']);
  const ipv6 = firstAddress(addressOf(network['ipv6']));
  const host = ipv4 ?? ipv6;
  const type = readObject(server['server_type'], at(place, 'server_type'));
  const location = readObject(server['location'], at(place, 'location'));
  return {
    id: readId(server, place),
    key: labelKey(labels),
    name: escapeText(readText(server, 'name', place), { singleLine: true }),
    instanceName: labelInstance(labels),
    state: Object.hasOwn(states, rawState) ? (states[rawState] ?? 'unknown') : 'unknown',
    rawState: showText(rawState),
    ipv4,
    ipv6,
    ssh: host === null ? null : { host, port: 22 },
    region: showText(readText(location, 'name', at(place, 'location'))),
    size: showText(readText(type, 'name', at(place, 'server_type'))),
    arch: toArch(type['architecture']),
    createdAt: readDate(server, 'created', place),
    expiresAt: labelExpiry(labels),
    onIdle: labelOnIdle(labels),
    stoppedAt: null,
    labels: shownLabels(labels),
    billed: true,
  };
}

/** What is no ARM is taken for x86, which all were once. */
export function toArch(architecture: unknown): Vm['arch'] {
  return architecture === 'arm' ? 'arm64' : 'x86_64';
}

function addressOf(value: unknown): string | null {
  const ip = optionalText(optionalObject(value)['ip']);
  return ip !== null && /^[0-9a-fA-F.:]{2,45}(?:\/\d{1,3})?$/.test(ip) ? ip : null;
}

/** A server has a /64 of its own and answers at the first address of it. */
function firstAddress(network: string | null): string | null {
  if (network === null) return null;
  const [address = '', bits] = network.split('/');
  if (bits === undefined || bits === '128') return address;
  return address.endsWith('::') ? `${address}1` : null;
}
