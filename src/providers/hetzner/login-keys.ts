import { createHash } from 'node:crypto';
import type { VmSpec } from '../../domain/provider.ts';
import { failure } from './errors.ts';
import { ownLabels } from './labels.ts';

/** A public key as the API knows it. */
export interface LoginKey {
  /** Algorithm and key, without the comment, which is nobody's business. */
  publicKey: string;
  /** MD5 of the key in hex with colons, as the API writes and finds it. */
  fingerprint: string;
  /** What spuff calls it where it registers it. */
  name: string;
}

export const sshKeyNamePrefix = 'spuff-';

const linePattern = /^(ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: .*)?$/;

/**
 * Reads OpenSSH's one-line public keys, each once.
 * @throws ProviderError `invalid`
 */
export function parseLoginKeys(lines: readonly string[], op: string): LoginKey[] {
  const keys = lines.map((line) => {
    const [, algorithm, blob] = linePattern.exec(line.trim()) ?? [];
    if (algorithm === undefined || blob === undefined)
      throw failure('invalid', op, 'one of the SSH public keys is none', { field: 'sshPublicKeys' });
    const bytes = Buffer.from(blob, 'base64');
    // Not for security: it is how the API names a key.
    const md5 = createHash('md5').update(bytes).digest('hex');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return {
      publicKey: `${algorithm} ${blob}`,
      fingerprint: (md5.match(/../g) ?? []).join(':'),
      name: `${sshKeyNamePrefix}${sha256.slice(0, 32)}`,
    };
  });
  return [...new Map(keys.map((key) => [key.publicKey, key])).values()];
}

/** @see https://docs.hetzner.cloud/reference/cloud#tag/ssh-keys/create_ssh_key */
export function sshKeyRequest(
  { name, publicKey }: LoginKey,
  of: Pick<VmSpec, 'key' | 'owner'>,
): Record<string, unknown> {
  // The key may serve machines of other names later: the label names only the one that it was registered for.
  const labels = ownLabels('sshkey', { key: of.key, instanceName: null, owner: of.owner });
  return { name, public_key: publicKey, labels };
}
