/**
 * Public SSH keys as recipients of age, in the two forms that age's own program reads: `ssh-ed25519` and `ssh-rsa`. Only the
 * public half is used. The private half is needed to open a file, and `age` alone gets to see that.
 * @see https://pkg.go.dev/filippo.io/age/agessh
 */
import {
  constants,
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  publicEncrypt,
} from 'node:crypto';
import type { Recipient, Stanza } from 'age-encryption';
import { decodeStrings } from '../lib/ssh-wire.ts';

const ed25519Label = 'age-encryption.org/v1/ssh-ed25519';
const rsaLabel = 'age-encryption.org/v1/ssh-rsa';

/** As `age` sees to it: a shorter one is not worth encrypting to. */
export const leastRsaBits = 2_048;

type MakeStanza = (args: string[], body: Uint8Array) => Stanza;

/** @param line of a key that `parsePublicKey` has taken; null: of a type that age has no form for */
export function sshRecipient(line: string, makeStanza: MakeStanza): Recipient | null {
  const [type = '', base64 = ''] = line.split(' ');
  const blob = Buffer.from(base64, 'base64');
  const [, ...fields] = decodeStrings(blob) ?? [];
  const tag = encode(createHash('sha256').update(blob).digest().subarray(0, 4));
  if (type === 'ssh-ed25519' && fields[0]) {
    const theirs = toMontgomery(fields[0]);
    return { wrapFileKey: (key) => [wrapForEd25519({ key, blob, theirs, tag, makeStanza })] };
  }
  const [exponent, modulus] = fields;
  if (type !== 'ssh-rsa' || !exponent || !modulus) return null;
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const options = { key: publicKey, ...padding, oaepLabel: Buffer.from(rsaLabel) };
  return { wrapFileKey: (key) => [makeStanza(['ssh-rsa', tag], publicEncrypt(options, key))] };
}

interface Ed25519Wrap {
  key: Uint8Array;
  /** The key as SSH writes it. */
  blob: Buffer;
  theirs: Buffer;
  tag: string;
  makeStanza: MakeStanza;
}

function wrapForEd25519({ key, blob, theirs, tag, makeStanza }: Ed25519Wrap): Stanza {
  const pair = generateKeyPairSync('x25519');
  const ours = rawPublic(pair.publicKey);
  const first = diffieHellman({ privateKey: pair.privateKey, publicKey: publicOf(theirs) });
  const tweak = Buffer.from(hkdfSync('sha256', Buffer.alloc(0), blob, ed25519Label, 32));
  const shared = diffieHellman({ privateKey: privateOf(tweak), publicKey: publicOf(first) });
  const salt = Buffer.concat([ours, theirs]);
  const wrapping = Buffer.from(hkdfSync('sha256', shared, salt, ed25519Label, 32));
  // A key that is used once needs no nonce.
  const cipher = createCipheriv('chacha20-poly1305', wrapping, Buffer.alloc(12), { authTagLength: 16 });
  const body = Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  return makeStanza(['ssh-ed25519', tag, encode(ours)], body);
}

/** What stands before the 32 bytes of a key: RFC 8410, sections 4 and 7. */
const publicPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

function publicOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([publicPrefix, raw]), format: 'der', type: 'spki' });
}

function privateOf(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privatePrefix, raw]), format: 'der', type: 'pkcs8' });
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-32);
}

const prime = 2n ** 255n - 19n;

/** The same point on the curve of X25519: RFC 7748, section 4.1. */
export function toMontgomery(ed25519: Uint8Array): Buffer {
  const y: bigint = BigInt(`0x${Buffer.from(ed25519).reverse().toString('hex')}`) & (2n ** 255n - 1n);
  const u = ((1n + y) * power(1n - y + prime, prime - 2n)) % prime;
  return Buffer.from(u.toString(16).padStart(64, '0'), 'hex').reverse();
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % prime;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
