/** Login keys of the account after a rotation: what is registered, and the tags that say which machine needs which key. */
import type { CallOptions, LoginKeyRegistry } from '../../domain/provider.ts';
import type { Api } from './api.ts';
import { listMachines, type MachineWithTags } from './machine-lookup.ts';
import { type PublicKey, readPublicKeys } from './public-key.ts';
import { ensureKey, findOwnKey, listOwnKeys, removeKey } from './ssh-keys.ts';
import { readSshTags, sshKeyTag } from './tags.ts';

const op = 'loginKeys';

export function createKeyRegistry(api: Api): LoginKeyRegistry {
  return {
    list: async (call) => (await listOwnKeys(api, call, op)).map(({ publicKey }) => publicKey),
    async replace({ removed, added, machines }, call) {
      const [old] = readPublicKeys([removed], op);
      const [next = null] = readPublicKeys(added === null ? [] : [added], op);
      if (!old) return;
      const marked = (await listMachines(api, call, op)).filter(({ tags }) =>
        readSshTags(tags).includes(old.fingerprint),
      );
      const moved = marked.filter(({ vm }) => vm.key !== null && machines.includes(vm.key));
      if (moved.length > 0) await retag(api, moved, { old, next }, call);
      if (marked.length > moved.length) return;
      const own = await findOwnKey(api, old.fingerprint, call, op);
      if (own) await removeKey(api, own.id, call, op);
    },
  };
}

/** The new tag comes before the old one goes, and the key before its tag. */
async function retag(
  api: Api,
  machines: readonly MachineWithTags[],
  { old, next }: { old: PublicKey; next: PublicKey | null },
  call: CallOptions,
): Promise<void> {
  const resources = machines.map(({ id }) => ({ resource_id: id, resource_type: 'droplet' }));
  const pathOf = ({ fingerprint }: PublicKey) => `/v2/tags/${sshKeyTag(fingerprint)}/resources`;
  if (next) {
    await ensureKey(api, next, call, op);
    await api.put({ op, path: '/v2/tags' }, { name: sshKeyTag(next.fingerprint) }, call, 'POST');
    await api.apply({ op, path: pathOf(next) }, { resources }, call, 'POST');
  }
  await api.apply({ op, path: pathOf(old) }, { resources }, call, 'DELETE');
}
