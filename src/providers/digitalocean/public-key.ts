import { failure } from './failure.ts';

export interface PublicKey {
  /** MD5 in hex with colons: how the API names a key. */
  fingerprint: string;
  /** Without the comment, which often holds a name and a host. */
  line: string;
}

/** The name that we give a key: it tells ours from the user's, whose names are theirs to choose. */
export function keyName(fingerprint: string): string {
  return `spuff-${fingerprint.replaceAll(':', '')}`;
}

/** Kinds that DigitalOcean takes; others, such as those of security keys, are let in by the user data alone. */
const kinds = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))$/;

/**
 * Reads OpenSSH one-line public keys, each once.
 * @throws ProviderError `invalid` for what is none
 */
export function readPublicKeys(lines: readonly string[], op: string): PublicKey[] {
  const keys = new Map<string, PublicKey>();
  for (const text of lines) {
    const [kind = '', blob = ''] = text.trim().split(/\s+/);
    const bytes = Buffer.from(blob, 'base64');
    if (!isKey(kind, blob, bytes)) {
      throw failure('invalid', op, 'a login key is not an OpenSSH public key on one line', {
        field: 'sshPublicKeys',
        hints: ['see which keys log in: spuff config get ssh_key'],
      });
    }
    if (!kinds.test(kind)) continue;
    const digest = process.getBuiltinModule('node:crypto').createHash('md5').update(bytes).digest('hex');
    const fingerprint = digest.match(/../g)?.join(':') ?? '';
    keys.set(fingerprint, { fingerprint, line: `${kind} ${blob}` });
  }
  return [...keys.values()];
}

/** A blob begins with its kind, as text with its length before it (RFC 4253, 6.6). */
function isKey(kind: string, blob: string, bytes: Buffer): boolean {
  if (kind === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(blob) || bytes.length < 4) return false;
  return bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString('latin1') === kind;
}
