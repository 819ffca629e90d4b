/**
 * What DigitalOcean tells a droplet of itself.
 * @see https://docs.digitalocean.com/reference/api/metadata/
 */
import {
  answerFrom,
  type CloudMetadata,
  type MetadataAnswer,
  type MetadataRequest,
  type NetworkCard,
  type Tree,
} from '../metadata/service.ts';
import type { SimDroplet } from './sim-droplets.ts';

const nameservers = ['67.207.67.2', '67.207.67.3'];

/** @param publicKeys those that the order named: later changes of the account do not show */
export function metadataOf(droplet: SimDroplet, publicKeys: readonly string[]): CloudMetadata {
  return {
    datasource: 'DigitalOcean',
    // It would give the card an address of 169.254.0.0/16, to reach a service that here is nearer.
    settings: { use_ip4LL: false },
    firmware: {
      sys_vendor: 'DigitalOcean',
      product_serial: String(droplet.id),
      product_uuid: `00000000-0000-4000-8000-${String(droplet.id).padStart(12, '0')}`,
    },
    hostName: droplet.name,
    answer: (request, card) => answer(request, droplet, publicKeys, card),
  };
}

function answer(
  { method, path }: MetadataRequest,
  droplet: SimDroplet,
  publicKeys: readonly string[],
  card: NetworkCard,
): MetadataAnswer {
  if (method !== 'GET') return { status: 405, body: 'method not allowed\n' };
  const [where = ''] = path.split('?');
  if (where === '/metadata/v1.json') {
    const headers = { 'content-type': 'application/json' };
    return { status: 200, headers, body: JSON.stringify(documentOf(droplet, publicKeys, card)) };
  }
  return answerFrom({ metadata: { v1: treeOf(droplet, publicKeys, card) } }, where);
}

function documentOf(droplet: SimDroplet, publicKeys: readonly string[], card: NetworkCard): unknown {
  return {
    droplet_id: droplet.id,
    hostname: droplet.name,
    user_data: droplet.userData,
    vendor_data: '',
    public_keys: publicKeys,
    region: droplet.region,
    interfaces: { public: [{ ipv4: ipv4Of(card), mac: card.mac, type: 'public' }] },
    floating_ip: { ipv4: { active: false } },
    reserved_ip: { ipv4: { active: false } },
    dns: { nameservers },
    tags: droplet.tags,
    features: { dhcp_enabled: false },
  };
}

function treeOf(droplet: SimDroplet, publicKeys: readonly string[], card: NetworkCard): Tree {
  const inactive = { ipv4: { active: 'false' } };
  return {
    id: String(droplet.id),
    hostname: droplet.name,
    'user-data': droplet.userData,
    'vendor-data': '',
    'public-keys': publicKeys.join('\n'),
    region: droplet.region,
    interfaces: { public: { 0: { ipv4: ipv4Of(card), mac: card.mac, type: 'public' } } },
    floating_ip: inactive,
    reserved_ip: inactive,
    dns: { nameservers: nameservers.join('\n') },
    tags: droplet.tags.join('\n'),
    features: { dhcp_enabled: 'false' },
  };
}

function ipv4Of({ ipv4 }: NetworkCard): Record<'ip_address' | 'netmask' | 'gateway', string> {
  return { ip_address: ipv4, netmask: '255.255.0.0', gateway: ipv4.replace(/\.\d+\.\d+$/, '.0.1') };
}
