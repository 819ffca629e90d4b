import type { CallOptions, VmSpec } from '../../domain/provider.ts';
import type { HetznerClient } from './client.ts';
import { parseObject } from './client.ts';
import { failure } from './errors.ts';
import { type Fields, optionalText, readNumber, readObject } from './fields.ts';
import { isOurs, labelsOf, sshKeyLabel } from './labels.ts';
import { type LoginKey, sshKeyNamePrefix, sshKeyRequest } from './login-keys.ts';

const op = 'create';

/**
 * The ids of the login keys in the project, registering those that are not there. A project holds a key once: one that
 * the user registered is used as it is. Without any, the API would make a root password and mail it.
 */
export async function ensureSshKeys(
  client: HetznerClient,
  spec: VmSpec,
  keys: readonly LoginKey[],
  call: CallOptions,
): Promise<number[]> {
  const ids: number[] = [];
  for (const key of keys) ids.push(await ensureSshKey(client, spec, key, call));
  return ids;
}

/** The id of one login key, which is registered unless it is there; `of` is what it is registered for. */
export async function ensureSshKey(
  client: HetznerClient,
  of: Pick<VmSpec, 'key' | 'owner'>,
  key: LoginKey,
  call: CallOptions,
): Promise<number> {
  const existing = await findSshKey(client, key, call);
  if (existing !== null) return existing;
  // The API keeps a second one out, so that a repetition does no harm.
  const body = sshKeyRequest(key, of);
  const answer = await client.change(
    { op, method: 'POST', path: '/ssh_keys', body, repeatable: true },
    call,
    [409],
  );
  if (answer.status !== 409)
    return idOf(readObject(parseObject(answer, op)['ssh_key'], { op, path: 'ssh_key' }));
  const made = await findSshKey(client, key, call);
  if (made !== null) return made;
  throw failure('name-taken', op, `another SSH key in the project bears the name ${key.name}`, {
    hints: ['rename it in the Cloud Console under Security > SSH keys: https://console.hetzner.cloud'],
  });
}

async function findSshKey(client: HetznerClient, key: LoginKey, call: CallOptions): Promise<number | null> {
  const found = await client.list(op, '/ssh_keys', call, { fingerprint: key.fingerprint });
  const same = found.find((one) => {
    const text = optionalText(one['public_key'])?.trim();
    return text === key.publicKey || text?.startsWith(`${key.publicKey} `);
  });
  return same ? idOf(same) : null;
}

function idOf(sshKey: Fields): number {
  return readNumber(sshKey, 'id', { op, path: 'ssh_key' });
}

/** Whether spuff registered it: by the mark and by the name, so that a copied label alone does not cost a user's key. */
export function isOurSshKey(sshKey: Fields): boolean {
  const name = optionalText(sshKey['name']) ?? '';
  return isOurs(labelsOf(sshKey), 'sshkey') && name.startsWith(sshKeyNamePrefix);
}

export function isSshKeyNeeded(sshKey: Fields, machines: readonly Fields[]): boolean {
  const fingerprint = optionalText(sshKey['fingerprint']);
  return (
    fingerprint !== null &&
    machines.some((server) => Object.hasOwn(labelsOf(server), sshKeyLabel(fingerprint)))
  );
}
