import { isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { failure } from './failure.ts';
import { firewallRequest } from './firewall-rules.ts';
import { toImageParameter } from './images.ts';
import { keyName, type PublicKey, readPublicKeys } from './public-key.ts';
import { keyTag, machineTags } from './tags.ts';

/** 64 KiB: https://docs.digitalocean.com/products/droplets/how-to/provide-user-data/ */
export const maxUserDataBytes = 65_536;

/** Slugs of sizes, regions and images. */
const slugPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** @throws ProviderError `invalid` naming the field, before any request */
export function checkSpec(spec: VmSpec, op: string): void {
  const invalid = (field: string, message: string, hints: string[] = []) =>
    failure('invalid', op, message, { field, hints });
  if (!isInstanceKey(spec.key)) throw invalid('key', `${JSON.stringify(spec.key)} is not an instance key`);
  if (spec.name !== `spuff-${spec.key}`) throw invalid('name', 'the name of a machine is spuff- and its key');
  if (!isInstanceName(spec.instanceName))
    throw invalid('instanceName', `${JSON.stringify(spec.instanceName)} is not a usable host name`);
  for (const field of ['region', 'size'] as const) {
    if (!slugPattern.test(spec[field]))
      throw invalid(field, `${JSON.stringify(spec[field])} is not the name of a ${field} of DigitalOcean`);
  }
  const { image } = spec;
  if (image.kind === 'slug' ? !slugPattern.test(image.slug) : !/^[1-9]\d{0,14}$/.test(image.id)) {
    const name = JSON.stringify(image.kind === 'slug' ? image.slug : image.id);
    throw invalid('image', `${name} is not the name of an image of DigitalOcean`);
  }
  if (spec.spot) throw invalid('spot', 'DigitalOcean has no spot machines');
  const bytes = Buffer.byteLength(spec.userData);
  if (bytes > maxUserDataBytes) {
    throw invalid('userData', `the user data has ${bytes} bytes; DigitalOcean takes ${maxUserDataBytes}`, [
      'make what first boot runs shorter, or have it fetched by what runs',
    ]);
  }
  readPublicKeys(spec.sshPublicKeys, op);
  if (spec.firewall) firewallRequest(spec.key, spec.firewall.allowSshFrom, op);
}

interface PlannedRequest {
  method: 'POST';
  path: string;
  body: Readonly<Record<string, unknown>>;
}

/** What `create` sends, where none of it is there yet, in this order. */
export function createRequests(spec: VmSpec, op: string): readonly PlannedRequest[] {
  const keys = readPublicKeys(spec.sshPublicKeys, op);
  return [
    tagRequest(spec),
    ...keys.map(keyRequest),
    ...(spec.firewall
      ? [
          {
            method: 'POST' as const,
            path: '/v2/firewalls',
            body: firewallRequest(spec.key, spec.firewall.allowSshFrom, op),
          },
        ]
      : []),
    dropletRequest(spec, keys),
  ];
}

/** The key's tag is made first: a firewall can only name tags that exist, and it shows that an order was on its way. */
export function tagRequest({ key }: Pick<VmSpec, 'key'>): PlannedRequest {
  return { method: 'POST', path: '/v2/tags', body: { name: keyTag(key) } };
}

export function keyRequest(key: PublicKey): PlannedRequest {
  return {
    method: 'POST',
    path: '/v2/account/keys',
    body: { name: keyName(key.fingerprint), public_key: key.line },
  };
}

/** @see https://docs.digitalocean.com/reference/api/reference/droplets/#droplets_create */
export function dropletRequest(spec: VmSpec, keys: readonly PublicKey[]): PlannedRequest {
  const fingerprints = keys.map(({ fingerprint }) => fingerprint);
  return {
    method: 'POST',
    path: '/v2/droplets',
    body: {
      name: spec.name,
      region: spec.region,
      size: spec.size,
      image: toImageParameter(spec.image),
      // Without any, DigitalOcean sends the user a root password by mail.
      ssh_keys: fingerprints,
      backups: false,
      ipv6: false,
      monitoring: false,
      // It would let whoever is in the control panel onto the machine.
      with_droplet_agent: false,
      tags: machineTags(spec, fingerprints),
      user_data: spec.userData,
    },
  };
}
