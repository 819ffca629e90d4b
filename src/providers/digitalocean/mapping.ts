import type { Vm, VmState } from '../../domain/provider.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { Answer } from './answer.ts';
import { readTags } from './tags.ts';

/** @see https://docs.digitalocean.com/reference/api/reference/droplets/ (`status`) */
const states: Readonly<Record<string, VmState>> = {
  new: 'provisioning',
  active: 'running',
  off: 'stopped',
  archive: 'stopped',
};

/**
 * A droplet as the port says it.
 * @param tags those that were asked for with it: they come into force some moments after the droplet
 * @throws ProviderError `protocol` that names what is missing
 */
export function toVm(droplet: Answer, tags: readonly string[] = droplet.at('tags').texts()): Vm {
  const rawState = droplet.at('status').text();
  const { key, instanceName, expiresAt, onIdle, labels } = readTags(tags);
  const ipv4 = addressOf(droplet, 'v4');
  const ipv6 = addressOf(droplet, 'v6');
  const host = ipv4 ?? ipv6;
  return {
    id: droplet.at('id').id(),
    key,
    name: showRemote(droplet.at('name').text()),
    instanceName,
    state: Object.hasOwn(states, rawState) ? (states[rawState] ?? 'unknown') : 'unknown',
    rawState: showRemote(rawState),
    ipv4,
    ipv6,
    ssh: host === null ? null : { host, port: 22 },
    region: showRemote(droplet.at('region').at('slug').text()),
    size: showRemote(droplet.at('size_slug').text()),
    // There are no others: https://docs.digitalocean.com/products/droplets/concepts/choosing-a-plan/
    arch: 'x86_64',
    createdAt: droplet.at('created_at').date(),
    expiresAt,
    onIdle,
    stoppedAt: null,
    labels,
    // Off or on: https://docs.digitalocean.com/products/droplets/details/pricing/
    billed: true,
  };
}

/** The first public one; a droplet that is being made has none. */
function addressOf(droplet: Answer, version: 'v4' | 'v6'): string | null {
  const networks = droplet.at('networks').at(version);
  if (networks.isMissing) return null;
  const network = networks.list().find((one) => one.at('type').textOr(null) === 'public');
  const address = network?.at('ip_address').text() ?? null;
  if (address === null) return null;
  // It goes into ssh's arguments: what is no address is none.
  return process.getBuiltinModule('node:net').isIP(address) === (version === 'v4' ? 4 : 6) ? address : null;
}
