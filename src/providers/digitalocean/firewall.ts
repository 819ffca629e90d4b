import { type InstanceKey, isInstanceKey } from '../../domain/ids.ts';
import type { CallOptions, FirewallStore } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { failure } from './failure.ts';
import { firewallName, firewallRequest, readSources } from './firewall-rules.ts';
import { sightMachine } from './machine-lookup.ts';
import { keyTag } from './tags.ts';

const firewallPath = '/v2/firewalls';

export function createFirewallStore(api: Api): FirewallStore {
  return {
    async show(key, call) {
      const found = await firewallsOf(api, key, call, 'firewall.show');
      // Rules of several add up.
      return found.length === 0 ? null : [...new Set(found.flatMap(({ sources }) => sources))];
    },
    async set(key, allowSshFrom, call) {
      const op = 'firewall.set';
      firewallRequest(key, allowSshFrom, op);
      const { machine } = await sightMachine(api, key, call, op);
      if (machine === null) throw failure('not-found', op, 'there is no machine to put a firewall before');
      await ensureFirewall(api, key, allowSshFrom, call, op);
    },
  };
}

/** A firewall that bears the name of one of ours and guards no other tag. */
export interface OwnFirewall {
  id: string;
  name: string;
  key: InstanceKey;
  createdAt: Date | null;
  sources: string[];
}

export async function listOwnFirewalls(api: Api, call: CallOptions, op: string): Promise<OwnFirewall[]> {
  const firewalls = await api.pages({ op, path: firewallPath }, 'firewalls', call);
  return firewalls.map(readOwnFirewall).filter((firewall) => firewall !== null);
}

async function firewallsOf(
  api: Api,
  key: InstanceKey,
  call: CallOptions,
  op: string,
): Promise<OwnFirewall[]> {
  return (await listOwnFirewalls(api, call, op)).filter((firewall) => firewall.key === key);
}

/** null: there is none, or it is not ours. */
export async function findOwnFirewall(
  api: Api,
  id: string,
  call: CallOptions,
  op: string,
): Promise<OwnFirewall | null> {
  const answer = await api.find({ op, path: firewallPathOf(id) }, call);
  return answer && readOwnFirewall(answer.at('firewall'));
}

export function firewallPathOf(id: string): string {
  return `${firewallPath}/${encodeURIComponent(id)}`;
}

/** Makes the firewall, or gives the one that is there those rules. The key's tag must exist. */
export async function ensureFirewall(
  api: Api,
  key: InstanceKey,
  allowSshFrom: readonly string[],
  call: CallOptions,
  op: string,
): Promise<void> {
  const body = firewallRequest(key, allowSshFrom, op);
  for (let attempt = 1; ; attempt++) {
    const [first, ...others] = await firewallsOf(api, key, call, op);
    if (first) {
      await api.put({ op, path: firewallPathOf(first.id) }, body, call);
      for (const { id } of others) await api.remove({ op, path: firewallPathOf(id) }, call);
      return;
    }
    try {
      await api.post({ op, path: firewallPath }, body, call);
      return;
    } catch (error) {
      // Whatever became of it: the next look finds it, or it is asked for once more. Two would do no harm.
      const unsure =
        error instanceof ProviderError && ['ambiguous', 'server', 'conflict'].includes(error.providerCode);
      if (!unsure || attempt === 3) throw error;
    }
  }
}

function readOwnFirewall(firewall: Answer): OwnFirewall | null {
  const name = firewall.at('name').text();
  const key = name.replace(/^spuff-/, '');
  if (!isInstanceKey(key) || name !== firewallName(key)) return null;
  // A tag goes from a firewall when it is deleted; another one is somebody's own work.
  if (
    firewall
      .at('tags')
      .texts()
      .some((tag) => tag !== keyTag(key))
  )
    return null;
  const created = firewall.at('created_at');
  return {
    id: firewall.at('id').id(),
    ...{ name, key, sources: readSources(firewall) },
    createdAt: created.isMissing ? null : created.date(),
  };
}
