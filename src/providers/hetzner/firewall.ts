import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, FirewallStore, VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { waitForActions } from './actions.ts';
import { type HetznerClient, parseObject } from './client.ts';
import { failure } from './errors.ts';
import { type Fields, readId, readNumber, readObject } from './fields.ts';
import {
  allowedNetworks,
  checkNetworks,
  firewallName,
  firewallRequest,
  isAppliedTo,
  rulesFor,
} from './firewall-rules.ts';
import { isOurs, labelInstance, labelKey, labelsOf } from './labels.ts';
import { findServer } from './server-lookup.ts';

/**
 * Makes the machine's filter, or sets an existing one to what the spec says. It is not applied to anything here: the
 * machine is made behind it.
 */
export async function ensureFirewall(
  client: HetznerClient,
  spec: VmSpec,
  allowSshFrom: readonly string[],
  call: CallOptions,
): Promise<number> {
  const op = 'create';
  const existing = await findFirewall(client, op, spec.key, call);
  const firewall =
    existing ?? (await makeFirewall(client, op, spec.key, firewallRequest(spec, allowSshFrom), call));
  if (existing && !allowsExactly(existing, allowSshFrom))
    await setRules(client, op, existing, allowSshFrom, call);
  return readNumber(firewall, 'id', { op, path: 'firewall' });
}

/** @see https://docs.hetzner.cloud/reference/cloud#tag/firewalls */
export function createFirewallStore(client: HetznerClient): FirewallStore {
  return {
    async show(key, call) {
      const op = 'firewall.show';
      const firewall = await findFirewall(client, op, key, call);
      if (!firewall) return null;
      const server = await findServer(client, op, key, call);
      // One that stands before nothing keeps nobody out.
      const holds = server !== null && isAppliedTo(firewall, readId(server, { op, path: 'server' }));
      return holds ? allowedNetworks(firewall) : null;
    },
    async set(key, allowSshFrom, call) {
      const op = 'firewall.set';
      checkNetworks(allowSshFrom, op);
      const server = await findServer(client, op, key, call);
      if (!server) throw failure('not-found', op, 'there is no such machine');
      await setFirewall(client, op, key, server, allowSshFrom, call);
    },
  };
}

async function setFirewall(
  client: HetznerClient,
  op: string,
  key: InstanceKey,
  server: Fields,
  allowSshFrom: readonly string[],
  call: CallOptions,
): Promise<void> {
  const serverId = readNumber(server, 'id', { op, path: 'server' });
  const of = { key, instanceName: labelInstance(labelsOf(server)) };
  let firewall = await findFirewall(client, op, key, call);
  if (firewall) await setRules(client, op, firewall, allowSshFrom, call);
  else firewall = await makeFirewall(client, op, key, firewallRequest(of, allowSshFrom, serverId), call);
  if (isAppliedTo(firewall, String(serverId))) return;
  await applyTo(client, op, readId(firewall, { op, path: 'firewall' }), serverId, call);
  const applied = await client.until(op, call, async () => {
    const now = await findFirewall(client, op, key, call);
    return now !== null && isAppliedTo(now, String(serverId)) ? true : undefined;
  });
  if (!applied)
    throw failure('timeout', op, 'the firewall does not stand before the machine yet', {
      ...{ retryable: true, hints: ['try again'] },
    });
}

/** What stands there already is well. */
async function applyTo(
  client: HetznerClient,
  op: string,
  id: string,
  serverId: number,
  call: CallOptions,
): Promise<void> {
  const body = { apply_to: [{ type: 'server', server: { id: serverId } }] };
  const path = `/firewalls/${id}/actions/apply_to_resources`;
  try {
    const answer = await client.change({ op, method: 'POST', path, body, repeatable: true }, call);
    await waitForActions(client, op, parseObject(answer, op), call);
  } catch (error) {
    if (error instanceof ProviderError && error.info.rawCode === 'firewall_already_applied') return;
    throw error;
  }
}

async function findFirewall(
  client: HetznerClient,
  op: string,
  key: InstanceKey,
  call: CallOptions,
): Promise<Fields | null> {
  const [named] = await client.list(op, '/firewalls', call, { name: firewallName(key) });
  if (!named) return null;
  const labels = labelsOf(named);
  if (isOurs(labels, 'firewall') && labelKey(labels) === key) return named;
  throw failure('name-taken', op, `a firewall that is not spuff's bears the name ${firewallName(key)}`, {
    hints: ['rename it in the Cloud Console: https://console.hetzner.cloud'],
  });
}

/** Names are unique in a project, so that a repetition gives no second one. */
async function makeFirewall(
  client: HetznerClient,
  op: string,
  key: InstanceKey,
  body: Record<string, unknown>,
  call: CallOptions,
): Promise<Fields> {
  const change = { op, method: 'POST', path: '/firewalls', body, repeatable: true } as const;
  const answer = await client.change(change, call, [409]);
  if (answer.status !== 409) {
    const made = parseObject(answer, op);
    await waitForActions(client, op, made, call);
    return readObject(made['firewall'], { op, path: 'firewall' });
  }
  const found = await findFirewall(client, op, key, call);
  if (found) return found;
  throw failure('conflict', op, 'the firewall is there and is not listed', {
    ...{ retryable: true, hints: ['try again'] },
  });
}

async function setRules(
  client: HetznerClient,
  op: string,
  firewall: Fields,
  allowSshFrom: readonly string[],
  call: CallOptions,
): Promise<void> {
  const path = `/firewalls/${readId(firewall, { op, path: 'firewall' })}/actions/set_rules`;
  const body = { rules: rulesFor(allowSshFrom) };
  const answer = await client.change({ op, method: 'POST', path, body, repeatable: true }, call);
  await waitForActions(client, op, parseObject(answer, op), call);
}

function allowsExactly(firewall: Fields, allowSshFrom: readonly string[]): boolean {
  return allowedNetworks(firewall).sort().join() === [...new Set(allowSshFrom)].sort().join();
}
