/** Public keys as one line, the way OpenSSH writes them in `.pub` files and `authorized_keys`. */
import { createHash } from 'node:crypto';
import { decodeStrings, readWhole } from './ssh-wire.ts';

export interface PublicKey {
  /** `ssh-ed25519`, `ssh-rsa`, … */
  type: string;
  /** Bits of the modulus for RSA, of the curve otherwise. */
  bits: number;
  /** `SHA256:…`, as ssh and ssh-keygen print it. */
  fingerprint: string;
  /** Type and base64, without the comment: equal lines are equal keys. */
  line: string;
  comment: string;
}

/** RFC 4251, section 6: names of algorithms. */
const maxTypeBytes = 64;

interface KeyLayout {
  /** Number of strings in the blob after the type. */
  fields: number;
  /** Which of them decides the size, and how. */
  bits: (fields: readonly Buffer[]) => number;
  check?: (fields: readonly Buffer[]) => boolean;
}

const fixed = (fields: number, bits: number, check?: KeyLayout['check']): KeyLayout => ({
  fields,
  bits: () => bits,
  ...(check && { check }),
});
const is32Bytes = (fields: readonly Buffer[]) => fields[0]?.length === 32;
const isCurve = (name: string) => (fields: readonly Buffer[]) => fields[0]?.toString('latin1') === name;

/** RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4, and OpenSSH's PROTOCOL.u2f for the `sk-` types. */
const layouts: Readonly<Record<string, KeyLayout>> = {
  'ssh-ed25519': fixed(1, 256, is32Bytes),
  'sk-ssh-ed25519@openssh.com': fixed(2, 256, is32Bytes),
  'ecdsa-sha2-nistp256': fixed(2, 256, isCurve('nistp256')),
  'ecdsa-sha2-nistp384': fixed(2, 384, isCurve('nistp384')),
  'ecdsa-sha2-nistp521': fixed(2, 521, isCurve('nistp521')),
  'sk-ecdsa-sha2-nistp256@openssh.com': fixed(3, 256, isCurve('nistp256')),
  'ssh-rsa': { fields: 2, bits: (fields) => bitLength(fields[1]) },
  'ssh-dss': { fields: 4, bits: (fields) => bitLength(fields[0]) },
};

/**
 * Reads one line of a `.pub` file or of `ssh-add -L`.
 * @returns null for anything that is not exactly one well-formed plain public key (certificates and options included)
 */
export function parsePublicKey(text: string): PublicKey | null {
  const match = /^(\S+) ([A-Za-z0-9+/]+={0,2})(?: ([^\r\n]*))?\r?\n?$/.exec(text);
  if (!match) return null;
  const [, type = '', base64 = '', comment = ''] = match;
  const layout = Object.hasOwn(layouts, type) ? layouts[type] : undefined;
  const blob = Buffer.from(base64, 'base64');
  const [name, ...fields] = decodeStrings(blob) ?? [];
  if (!layout || name?.toString('latin1') !== type || fields.length !== layout.fields) return null;
  if (layout.check && !layout.check(fields)) return null;
  return {
    type,
    bits: layout.bits(fields),
    fingerprint: fingerprintKey(blob),
    line: `${type} ${blob.toString('base64')}`,
    comment,
  };
}

/** `SHA256:…` of a key's blob, as ssh and ssh-keygen print it. */
export function fingerprintKey(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The name that a key's blob begins with (RFC 4253, section 6.6), whether or not the rest is such a key; '' for none. */
export function readKeyType(blob: Uint8Array): string {
  const type = readWhole(blob, (reader) => {
    const name = reader.text(maxTypeBytes);
    reader.rest();
    return name;
  });
  return type ?? '';
}

/** Why a key is not strong enough to log in with (W3), or null. */
export function findWeakness(key: PublicKey): string | null {
  if (key.type === 'ssh-dss') return 'it is a DSA key, which OpenSSH no longer accepts';
  if (key.type === 'ssh-rsa' && key.bits < 3072)
    return `it is an RSA key of ${key.bits} bits; 3072 is the least`;
  return null;
}

/** The bits of an mpint (RFC 4251, section 5): big-endian, a leading zero byte keeps it positive. */
function bitLength(integer: Buffer | undefined): number {
  const hex = integer?.toString('hex').replace(/^0+/, '') ?? '';
  return hex === '' ? 0 : (hex.length - 1) * 4 + Number.parseInt(hex.charAt(0), 16).toString(2).length;
}
