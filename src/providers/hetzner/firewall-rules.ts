import { isIP } from 'node:net';
import type { InstanceKey } from '../../domain/ids.ts';
import { failure } from './errors.ts';
import { type Fields, optionalArray, optionalObject } from './fields.ts';
import { ownLabels } from './labels.ts';

/** @see https://docs.hetzner.cloud/reference/cloud#tag/firewalls: networks in one rule */
const maxNetworks = 100;

export function firewallName(key: InstanceKey): string {
  return `spuff-${key}`;
}

/** @throws ProviderError `invalid` for what is no network in CIDR notation, and for more than a rule takes */
export function checkNetworks(networks: readonly string[], op: string): void {
  const invalid = (message: string) => failure('invalid', op, message, { field: 'firewall' });
  if (networks.length > maxNetworks)
    throw invalid(`a firewall of Hetzner Cloud takes ${maxNetworks} networks, not ${networks.length}`);
  for (const network of networks) {
    const [address = '', bits, ...more] = network.split('/');
    const family = isIP(address);
    const sound = family !== 0 && more.length === 0 && bits !== undefined && /^\d{1,3}$/.test(bits);
    if (!sound || Number(bits) > (family === 4 ? 32 : 128))
      throw invalid(`${JSON.stringify(network)} is no network such as 198.51.100.7/32`);
  }
}

/** Without any rule for what comes in, everything that comes in is dropped; what goes out is free while no rule is for it. */
export function rulesFor(allowSshFrom: readonly string[]): Record<string, unknown>[] {
  if (allowSshFrom.length === 0) return [];
  return [{ description: 'SSH', direction: 'in', protocol: 'tcp', port: '22', source_ips: allowSshFrom }];
}

/** @see https://docs.hetzner.cloud/reference/cloud#tag/firewalls/create_firewall */
export function firewallRequest(
  of: { key: InstanceKey; instanceName: string | null; owner?: string },
  allowSshFrom: readonly string[],
  serverId?: number,
): Record<string, unknown> {
  return {
    name: firewallName(of.key),
    labels: ownLabels('firewall', of),
    rules: rulesFor(allowSshFrom),
    ...(serverId !== undefined && { apply_to: [{ type: 'server', server: { id: serverId } }] }),
  };
}

/** The networks that a firewall lets in to port 22, each once. */
export function allowedNetworks(firewall: Fields): string[] {
  const open = optionalArray(firewall['rules'])
    .map(optionalObject)
    .filter((rule) => rule['direction'] === 'in' && rule['protocol'] === 'tcp' && covers(rule['port'], 22))
    .flatMap((rule) => optionalArray(rule['source_ips']));
  return (
    [...new Set(open.filter((network): network is string => typeof network === 'string'))]
      // Whoever edited it in the Console may have written anything.
      .filter((network) => /^[0-9a-fA-F.:]{2,45}(?:\/\d{1,3})?$/.test(network))
  );
}

/** Whether a port or a range such as `20-30` has the port in it; without one it is every port. */
function covers(ports: unknown, port: number): boolean {
  if (typeof ports !== 'string') return true;
  const [first, last = first] = ports.split('-').map(Number);
  return first !== undefined && last !== undefined && first <= port && port <= last;
}

/** Whether it stands before that server, by itself or by a label. */
export function isAppliedTo(firewall: Fields, serverId: string): boolean {
  return optionalArray(firewall['applied_to'])
    .map(optionalObject)
    .flatMap((one) => [one, ...optionalArray(one['applied_to_resources']).map(optionalObject)])
    .some((one) => String(optionalObject(one['server'])['id']) === serverId);
}
