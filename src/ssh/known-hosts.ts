/** The host keys that an instance may show, as a file of its own that ssh reads. */
import { dirname } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { KnownIdentity } from '../domain/instance.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';
import { parsePublicKey } from '../lib/public-key.ts';

/** The name that the instance's keys are listed under, whatever address it has: an address may be used again. */
export function hostAlias(key: InstanceKey): string {
  return `spuff-${key}`;
}

/** What a login may accept. `accepted` is never empty; a revoked key is refused even where it is also accepted. */
export interface HostTrust {
  accepted: readonly string[];
  revoked: readonly string[];
}

/** What may answer in this phase of the identity. */
export function trustOf(identity: KnownIdentity): HostTrust {
  switch (identity.phase) {
    case 'booting':
      return { accepted: [identity.injectedPublicKey], revoked: [] };
    case 'rotating': {
      const next = identity.newPublicKey === null ? [] : [identity.newPublicKey];
      return { accepted: [identity.injectedPublicKey, ...next], revoked: [] };
    }
    case 'pinned':
      return { accepted: [identity.publicKey], revoked: [identity.injectedPublicKey] };
  }
}

/**
 * The file's text; sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
 * @throws SpuffError `state` when a key is not an ed25519 key on one line: it would open or close the door to others
 */
export function renderKnownHosts(key: InstanceKey, trust: HostTrust): string {
  const lines = [
    ...trust.accepted.map((publicKey) => `${hostAlias(key)} ${plainKey(publicKey)}`),
    ...trust.revoked.map((publicKey) => `@revoked ${hostAlias(key)} ${plainKey(publicKey)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function plainKey(publicKey: string): string {
  const parsed = parsePublicKey(publicKey);
  if (parsed?.type === 'ssh-ed25519') return parsed.line;
  throw new SpuffError('state', 'the local state holds a host key that is not an ed25519 key', {
    hints: ['the instance can no longer be verified; remove it with spuff down'],
  });
}

/** Writes the file when it is not already what it should be: the state decides, the file only tells ssh. */
export function writeKnownHosts(path: string, key: InstanceKey, trust: HostTrust): void {
  const text = renderKnownHosts(key, trust);
  makePrivateDirectory(dirname(path));
  if (readPrivateFile(path, 65_536) !== text) writeFileAtomically(path, text);
}
