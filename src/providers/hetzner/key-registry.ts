/** Login keys of the project after a rotation: what is registered, and the labels that say which machine needs which key. */
import type { CallOptions, LoginKeyRegistry } from '../../domain/provider.ts';
import type { HetznerClient } from './client.ts';
import { type Fields, optionalText, readId } from './fields.ts';
import { label, labelKey, labelsOf, labelText, selectorOf, sshKeyLabel } from './labels.ts';
import { type LoginKey, parseLoginKeys } from './login-keys.ts';
import { orderDeletion } from './machines.ts';
import { listServers } from './server-lookup.ts';
import { ensureSshKey, isOurSshKey, isSshKeyNeeded } from './ssh-keys.ts';

const op = 'loginKeys';

export function createKeyRegistry(client: HetznerClient): LoginKeyRegistry {
  return {
    async list(call) {
      const own = await listOwn(client, call);
      return own.flatMap((one) => bareKey(one) ?? []);
    },
    async replace({ removed, added, machines }, call) {
      const [old] = parseLoginKeys([removed], op);
      const [next = null] = parseLoginKeys(added === null ? [] : [added], op);
      if (!old) return;
      const servers = await listServers(client, op, call);
      const moved = servers.filter((server) => {
        const key = labelKey(labelsOf(server));
        return key !== null && machines.includes(key) && isMarked(server, old);
      });
      for (const server of moved) await relabel(client, server, { old, next }, call);
      const others = servers.filter((server) => !moved.includes(server));
      for (const one of await listOwn(client, call)) {
        if (bareKey(one) !== old.publicKey || isSshKeyNeeded(one, others)) continue;
        await orderDeletion(client, op, `/ssh_keys/${readId(one, { op, path: 'ssh_key' })}`, call);
      }
    },
  };
}

async function listOwn(client: HetznerClient, call: CallOptions): Promise<Fields[]> {
  const listed = await client.list(op, '/ssh_keys', call, { label_selector: selectorOf('sshkey') });
  return listed.filter(isOurSshKey);
}

/** Type and base64 of a registered key, without the comment. */
function bareKey(sshKey: Fields): string | null {
  return /^(\S+ \S+)/.exec(optionalText(sshKey['public_key'])?.trim() ?? '')?.[1] ?? null;
}

function isMarked(server: Fields, { fingerprint }: LoginKey): boolean {
  return Object.hasOwn(labelsOf(server), sshKeyLabel(fingerprint));
}

/** The new key is registered before a machine says that it needs it. All labels are sent, since they replace all there are. */
async function relabel(
  client: HetznerClient,
  server: Fields,
  { old, next }: { old: LoginKey; next: LoginKey | null },
  call: CallOptions,
): Promise<void> {
  const labels = labelsOf(server);
  const key = labelKey(labels);
  if (key === null) return;
  if (next) await ensureSshKey(client, { key, owner: labelText(labels, label.owner) ?? '' }, next, call);
  const kept = Object.entries(labels).filter(([name]) => name !== sshKeyLabel(old.fingerprint));
  const after = { ...Object.fromEntries(kept), ...(next && { [sshKeyLabel(next.fingerprint)]: '' }) };
  const path = `/servers/${readId(server, { op, path: 'server' })}`;
  await client.change({ op, method: 'PUT', path, body: { labels: after }, repeatable: true }, call);
}
