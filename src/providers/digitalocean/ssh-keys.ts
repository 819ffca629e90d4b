import type { CallOptions } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { keyRequest } from './machine-request.ts';
import { keyName, type PublicKey } from './public-key.ts';

function keyPath(fingerprint: string): string {
  return `/v2/account/keys/${fingerprint}`;
}

/** The account knows a key by its fingerprint, under one name: one that the user has registered is used as it is. */
export async function ensureKey(api: Api, key: PublicKey, call: CallOptions, op: string): Promise<void> {
  if (await isRegistered(api, key, call, op)) return;
  const { path, body } = keyRequest(key);
  try {
    await api.put({ op, path }, body, call, 'POST');
  } catch (error) {
    // A second one of the same key is refused: another spuff was faster, or the answer to the first was lost.
    const refused = error instanceof ProviderError && ['invalid', 'conflict'].includes(error.providerCode);
    if (!refused || !(await isRegistered(api, key, call, op))) throw error;
  }
}

/** By fingerprint, since the list of all keys may be asked for ten times a minute only. */
async function isRegistered(
  api: Api,
  { fingerprint }: Pick<PublicKey, 'fingerprint'>,
  call: CallOptions,
  op: string,
): Promise<boolean> {
  return (await api.find({ op, path: keyPath(fingerprint) }, call)) !== null;
}

export interface OwnKey {
  id: string;
  name: string;
  fingerprint: string;
  /** Type and base64. */
  publicKey: string;
}

/** The keys that spuff has registered. The user's own bear other names. */
export async function listOwnKeys(api: Api, call: CallOptions, op: string): Promise<OwnKey[]> {
  const keys = await api.pages({ op, path: '/v2/account/keys' }, 'ssh_keys', call);
  return keys.map(readOwnKey).filter((key) => key !== null);
}

/** null: there is none, or it is the user's. */
export async function findOwnKey(
  api: Api,
  id: string,
  call: CallOptions,
  op: string,
): Promise<OwnKey | null> {
  const answer = await api.find({ op, path: keyPath(id) }, call);
  return answer && readOwnKey(answer.at('ssh_key'));
}

export async function removeKey(api: Api, id: string, call: CallOptions, op: string): Promise<void> {
  await api.remove({ op, path: keyPath(id) }, call);
}

function readOwnKey(answer: Answer): OwnKey | null {
  const name = answer.at('name').textOr('');
  const fingerprint = answer.at('fingerprint').textOr('');
  if (fingerprint === '' || name !== keyName(fingerprint)) return null;
  const publicKey = answer.at('public_key').textOr('').trim().split(/\s+/).slice(0, 2).join(' ');
  return { id: answer.at('id').id(), name, fingerprint, publicKey };
}
