import { isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { Provider, VmSpec } from '../../domain/provider.ts';
import { failure } from './errors.ts';
import { checkNetworks, firewallName, firewallRequest } from './firewall-rules.ts';
import { machineLabels } from './labels.ts';
import { type LoginKey, parseLoginKeys, sshKeyRequest } from './login-keys.ts';

/** @see https://docs.hetzner.cloud/reference/cloud#tag/servers/create_server: 32 KiB */
export const maxUserDataBytes = 32_768;

/** Names of locations, server types and images; one of digits alone would be an id. */
const slugPattern = /^(?=.*[a-z])[a-z0-9][a-z0-9._-]{0,62}$/;
export const idPattern = /^[1-9]\d{0,15}$/;

/** @throws ProviderError `invalid` naming the field, before any request */
export function checkSpec(spec: VmSpec, op: string): void {
  const invalid = (field: string, message: string) => failure('invalid', op, message, { field });
  if (!isInstanceKey(spec.key)) throw invalid('key', `${JSON.stringify(spec.key)} is not an instance key`);
  if (spec.name !== `spuff-${spec.key}`) throw invalid('name', 'the name of a machine is spuff- and its key');
  if (!isInstanceName(spec.instanceName))
    throw invalid('instanceName', `${JSON.stringify(spec.instanceName)} is not a usable host name`);
  for (const field of ['region', 'size'] as const) {
    if (!slugPattern.test(spec[field]))
      throw invalid(field, `${JSON.stringify(spec[field])} is no ${field} of Hetzner Cloud`);
  }
  const { image } = spec;
  if (!(image.kind === 'slug' ? slugPattern.test(image.slug) : idPattern.test(image.id))) {
    const named = JSON.stringify(image.kind === 'slug' ? image.slug : image.id);
    throw invalid('image', `${named} is no image of Hetzner Cloud`);
  }
  const bytes = Buffer.byteLength(spec.userData);
  if (bytes > maxUserDataBytes) {
    throw invalid(
      'userData',
      `the user data has ${bytes} bytes; Hetzner Cloud takes ${maxUserDataBytes} at most`,
    );
  }
  if (spec.spot) throw invalid('spot', 'Hetzner Cloud has no spot machines');
  if (spec.firewall) checkNetworks(spec.firewall.allowSshFrom, op);
  parseLoginKeys(spec.sshPublicKeys, op);
}

/** The body of the request that makes the machine. In `plan` what has no id yet stands there by its name. */
export function serverRequest(
  spec: VmSpec,
  keys: readonly LoginKey[],
  ids: { sshKeys: readonly (number | string)[]; firewall: number | string | null },
): Record<string, unknown> {
  return {
    name: spec.name,
    server_type: spec.size,
    location: spec.region,
    image: spec.image.kind === 'slug' ? spec.image.slug : spec.image.id,
    start_after_create: true,
    user_data: spec.userData,
    labels: machineLabels(
      spec,
      keys.map(({ fingerprint }) => fingerprint),
    ),
    // Addresses of its own, which go with it.
    public_net: { enable_ipv4: true, enable_ipv6: true },
    ...(ids.sshKeys.length > 0 && { ssh_keys: ids.sshKeys }),
    ...(ids.firewall !== null && { firewalls: [{ firewall: ids.firewall }] }),
  };
}

/** What `create` sends that changes something, as if nothing of it existed. */
export function plan(spec: VmSpec): ReturnType<Provider['plan']> {
  checkSpec(spec, 'plan');
  const keys = parseLoginKeys(spec.sshPublicKeys, 'plan');
  const names = keys.map(({ name }) => name);
  const firewall = spec.firewall ? firewallName(spec.key) : null;
  const post = (path: string, body: unknown) => ({ method: 'POST', path, body });
  return {
    requests: [
      ...keys.map((key) => post('/ssh_keys', sshKeyRequest(key, spec))),
      ...(spec.firewall ? [post('/firewalls', firewallRequest(spec, spec.firewall.allowSshFrom))] : []),
      post('/servers', serverRequest(spec, keys, { sshKeys: names, firewall })),
    ],
    hourly: null,
  };
}
