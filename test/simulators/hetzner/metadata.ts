/**
 * What Hetzner tells a server of itself.
 * @see https://docs.hetzner.cloud/reference/cloud#description/server-metadata
 */
import { stringify } from 'yaml';
import {
  answerFrom,
  type CloudMetadata,
  type MetadataAnswer,
  type MetadataRequest,
  type NetworkCard,
  plain,
} from '../metadata/service.ts';
import type { SimServerRecord } from './state.ts';

export function metadataOf(server: SimServerRecord): CloudMetadata {
  return {
    datasource: 'Hetzner',
    settings: {},
    firmware: {
      sys_vendor: 'Hetzner',
      product_serial: String(server.id),
      product_uuid: `00000000-0000-4000-8000-${String(server.id).padStart(12, '0')}`,
    },
    hostName: server.name,
    answer: (request, card) => answer(request, server, card),
  };
}

function answer(
  { method, path }: MetadataRequest,
  server: SimServerRecord,
  card: NetworkCard,
): MetadataAnswer {
  if (method !== 'GET') return { status: 405, body: 'method not allowed\n' };
  const [where = ''] = path.split('?');
  const facts = factsOf(server, card);
  if (/^\/hetzner\/v1\/metadata\/?$/.test(where)) {
    const body = stringify({ ...facts, 'network-config': networkOf(card), 'public-keys': server.publicKeys });
    return { status: 200, headers: plain, body };
  }
  const single = { ...facts, 'public-keys': JSON.stringify(server.publicKeys), 'private-networks': '[]' };
  return answerFrom({ hetzner: { v1: { metadata: single, userdata: server.userData } } }, where);
}

function factsOf({ id, name, location }: SimServerRecord, { ipv4 }: NetworkCard): Record<string, string> {
  return {
    'instance-id': String(id),
    hostname: name,
    'availability-zone': `${location.name}-dc1`,
    region: location.network_zone,
    'public-ipv4': ipv4,
    'local-ipv4': '',
    vendor_data: '',
  };
}

function networkOf({ mac }: NetworkCard): unknown {
  const subnets = [{ type: 'dhcp', ipv4: true, dns_nameservers: ['185.12.64.1', '185.12.64.2'] }];
  return { version: 1, config: [{ type: 'physical', name: 'eth0', mac_address: mac, subnets }] };
}
