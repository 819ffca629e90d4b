import type { InstanceKey } from '../../domain/ids.ts';
import { parseNetwork } from '../../lib/network-address.ts';
import type { Answer } from './answer.ts';
import { failure } from './failure.ts';
import { keyTag } from './tags.ts';

const everywhere = ['0.0.0.0/0', '::/0'];

/** Of the machine that it is for; names of firewalls are unique in an account. */
export function firewallName(key: InstanceKey): string {
  return `spuff-${key}`;
}

/**
 * The whole firewall: port 22 from those networks and nothing else in, everything out. What no rule lets through is
 * dropped, and there must be one rule at least, so that a closed one has those that let out.
 * @throws ProviderError `invalid` for what is no network
 * @see https://docs.digitalocean.com/reference/api/reference/firewalls/#firewalls_create
 */
export function firewallRequest(
  key: InstanceKey,
  allowSshFrom: readonly string[],
  op: string,
): Readonly<Record<string, unknown>> {
  const addresses = [...new Set(allowSshFrom.map((text) => checkNetwork(text, op)))];
  return {
    name: firewallName(key),
    tags: [keyTag(key)],
    inbound_rules: addresses.length === 0 ? [] : [{ protocol: 'tcp', ports: '22', sources: { addresses } }],
    outbound_rules: ['tcp', 'udp', 'icmp'].map((protocol) => ({
      ...{ protocol, ports: '0' },
      destinations: { addresses: everywhere },
    })),
  };
}

function checkNetwork(text: string, op: string): string {
  const network = parseNetwork(text);
  if (network !== null) return network;
  throw failure('invalid', op, `${JSON.stringify(text)} is not a network`, {
    field: 'firewall',
    hints: ['write an address and the length of its prefix: 198.51.100.7/32'],
  });
}

/** The networks that may reach port 22, whoever wrote the rules. */
export function readSources(firewall: Answer): string[] {
  const rules = firewall.at('inbound_rules');
  if (rules.isMissing) return [];
  return rules
    .list()
    .filter((rule) => rule.at('protocol').text() === 'tcp' && holdsSsh(rule.at('ports').text()))
    .flatMap((rule) => rule.at('sources').at('addresses').texts())
    .flatMap((address) => parseNetwork(address) ?? []);
}

/** `22`, a range around it, or `0` and `all` for every port. */
function holdsSsh(ports: string): boolean {
  if (ports === '0' || ports === 'all') return true;
  const [first = 0, last = first] = ports.split('-').map(Number);
  return first <= 22 && 22 <= last;
}
