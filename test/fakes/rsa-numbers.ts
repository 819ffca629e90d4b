/** RSA by the numbers (RFC 8017, SHA-256), for keys that node:crypto would not make. */
import { createHash, generateKeyPairSync } from 'node:crypto';

export interface RsaProof {
  exponent: bigint;
  modulus: bigint;
  /** As long as the modulus. */
  signature: Buffer;
}

/** A signature by a new key of 2048 bits with this exponent, which is odd. */
export function signWithExponent(data: Uint8Array, exponent: bigint): RsaProof {
  for (;;) {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    const [p = 0n, q = 0n] = [jwk.p, jwk.q].map((text) => fromBytes(Buffer.from(text ?? '', 'base64url')));
    const inverse = invert(exponent, (p - 1n) * (q - 1n));
    if (inverse === null) continue;
    const modulus = p * q;
    const signature = toBytes(power(padDigest(data, 256), inverse, modulus), 256);
    return { exponent, modulus, signature };
  }
}

/**
 * A key of nobody's and what verifies as its signature: not the signature is made for the key, but the modulus for the
 * signature. It begins with the byte 0x80.
 * @param exponent small, and more than 1
 */
export function findModulus(data: Uint8Array, exponent: bigint, bits: number): RsaProof {
  const padded = padDigest(data, bits / 8);
  const firstBit: bigint = 2n ** BigInt(bits - 1);
  const least = firstBit + padded;
  let root = findRoot(least, exponent);
  // Even moduli are none.
  while (root ** exponent < least || (root ** exponent - padded) % 2n === 0n) root++;
  return { exponent, modulus: root ** exponent - padded, signature: toBytes(root, bits / 8) };
}

/** Big-endian; without a length as short as it can be. */
export function toBytes(value: bigint, length = 0): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex');
  return Buffer.concat([Buffer.alloc(Math.max(length - bytes.length, 0)), bytes]);
}

function fromBytes(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`);
}

/** EMSA-PKCS1-v1_5. */
function padDigest(data: Uint8Array, length: number): bigint {
  const digest = createHash('sha256').update(data).digest();
  const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), digest]);
  const filler = Buffer.alloc(length - 3 - info.length, 0xff);
  return fromBytes(Buffer.concat([Buffer.from([0, 1]), filler, Buffer.from([0]), info]));
}

/** The largest whole number whose power is not above the value. */
function findRoot(value: bigint, exponent: bigint): bigint {
  let low = 0n;
  let high = 2n ** BigInt(Math.ceil(value.toString(2).length / Number(exponent)));
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (middle ** exponent > value) high = middle;
    else low = middle;
  }
  return low;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest % 2n === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** null: it has no inverse. */
function invert(value: bigint, modulus: bigint): bigint | null {
  let [a, b] = [value % modulus, modulus];
  let [x, y] = [1n, 0n];
  while (b > 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return a === 1n ? (x < 0n ? x + modulus : x) : null;
}
