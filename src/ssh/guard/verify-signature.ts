/** Whether a host holds its key: the proof that it gave at the end of the key exchange, checked once more. */
import { createPublicKey, type JsonWebKeyInput, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { readWhole, type WireReader } from '../../lib/ssh-wire.ts';

/** A host key as node:crypto takes it, and what its signatures look like. */
interface HostKey {
  jwk: JsonWebKeyInput['key'];
  /** What node:crypto needs to check the bytes of a signature; null: they can't be one of this key. */
  readSignature(algorithm: string, bytes: Buffer): RawSignature | null;
}

interface RawSignature {
  /** null: the algorithm has one of its own. */
  hash: string | null;
  bytes: Buffer;
  encoding?: VerifyKeyObjectInput['dsaEncoding'];
}

interface Curve {
  name: string;
  jwkName: string;
  hash: string;
  /** Of a coordinate, and of either half of a signature. */
  bytes: number;
}

const ed25519 = { keyBytes: 32, signatureBytes: 64 };
const curves = new Map<string, Curve>([
  ['ecdsa-sha2-nistp256', { name: 'nistp256', jwkName: 'P-256', hash: 'sha256', bytes: 32 }],
  ['ecdsa-sha2-nistp384', { name: 'nistp384', jwkName: 'P-384', hash: 'sha384', bytes: 48 }],
  ['ecdsa-sha2-nistp521', { name: 'nistp521', jwkName: 'P-521', hash: 'sha512', bytes: 66 }],
]);
const rsaHashes = new Map([
  ['rsa-sha2-256', 'sha256'],
  ['rsa-sha2-512', 'sha512'],
]);
/** More than the most would only make a check slow. */
const rsaBits = { least: 2048, most: 16_384 };
const rsaExponentBytes = 8;
const maxNameBytes = 64;
const uncompressedPoint = 4;

/**
 * @param hostKeyBlob RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4. Plain keys of ed25519, ECDSA and RSA from 2048 bits; no
 *   certificate, no DSA, and no security key, which no server has
 * @param signatureBlob the name of the algorithm and its bytes, encoded in the one canonical way; SHA-1 never
 * @returns false for everything that is not a good signature of this key over `data`; never throws
 */
export function verifyHostSignature(
  hostKeyBlob: Uint8Array,
  data: Uint8Array,
  signatureBlob: Uint8Array,
): boolean {
  const hostKey = readWhole(hostKeyBlob, readHostKey);
  if (hostKey === null) return false;
  const signature = readWhole(signatureBlob, (reader) =>
    hostKey.readSignature(reader.text(maxNameBytes), reader.string()),
  );
  if (signature === null) return false;
  const { hash, bytes, encoding } = signature;
  try {
    const key = createPublicKey({ key: hostKey.jwk, format: 'jwk' });
    return verify(hash, data, encoding ? { key, dsaEncoding: encoding } : key, bytes);
  } catch {
    // Well-formed, and no key all the same: a point that is not on its curve.
    return false;
  }
}

function readHostKey(reader: WireReader): HostKey | null {
  const type = reader.text(maxNameBytes);
  if (type === 'ssh-ed25519') return readEd25519(reader);
  if (type === 'ssh-rsa') return readRsa(reader);
  const curve = curves.get(type);
  return curve ? readEcdsa(reader, type, curve) : null;
}

function readEd25519(reader: WireReader): HostKey | null {
  const point = reader.string();
  if (point.length !== ed25519.keyBytes) return null;
  return {
    jwk: { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') },
    readSignature: (algorithm, bytes) =>
      algorithm === 'ssh-ed25519' && bytes.length === ed25519.signatureBytes ? { hash: null, bytes } : null,
  };
}

function readEcdsa(reader: WireReader, type: string, curve: Curve): HostKey | null {
  if (reader.text(maxNameBytes) !== curve.name) return null;
  const point = reader.string();
  if (point[0] !== uncompressedPoint || point.length !== 1 + 2 * curve.bytes) return null;
  return {
    jwk: {
      kty: 'EC',
      crv: curve.jwkName,
      x: point.subarray(1, 1 + curve.bytes).toString('base64url'),
      y: point.subarray(1 + curve.bytes).toString('base64url'),
    },
    readSignature: (algorithm, blob) => {
      const halves = readWhole(blob, (inner) => {
        const r = padLeft(readPositive(inner), curve.bytes);
        const s = padLeft(readPositive(inner), curve.bytes);
        return r && s && Buffer.concat([r, s]);
      });
      if (algorithm !== type || halves === null) return null;
      return { hash: curve.hash, bytes: halves, encoding: 'ieee-p1363' };
    },
  };
}

function readRsa(reader: WireReader): HostKey | null {
  const exponent = readPositive(reader);
  const modulus = readPositive(reader);
  if (exponent === null || modulus === null || !isRsaExponent(exponent)) return null;
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < rsaBits.least || bits > rsaBits.most) return null;
  return {
    jwk: { kty: 'RSA', e: exponent.toString('base64url'), n: modulus.toString('base64url') },
    readSignature: (algorithm, bytes) => {
      const hash = rsaHashes.get(algorithm);
      return hash !== undefined && bytes.length === modulus.length ? { hash, bytes } : null;
    },
  };
}

/** With 1 everybody signs, and an even one is none; OpenSSL itself takes both. */
function isRsaExponent(exponent: Buffer): boolean {
  const isOdd = (exponent.at(-1) ?? 0) % 2 === 1;
  return isOdd && exponent.length <= rsaExponentBytes && !exponent.equals(Buffer.from([1]));
}

/**
 * An mpint above zero (RFC 4251, section 5), without the zero byte that keeps it positive.
 * @returns null for zero, for a negative one, and for one that begins with a zero byte it does not need
 */
function readPositive(reader: WireReader): Buffer | null {
  const bytes = reader.string();
  const [first = 0, second = 0] = bytes;
  if (first >= 0x80) return null;
  if (first > 0) return bytes;
  return second >= 0x80 ? bytes.subarray(1) : null;
}

function padLeft(integer: Buffer | null, length: number): Buffer | null {
  if (integer === null || integer.length > length) return null;
  return Buffer.concat([Buffer.alloc(length - integer.length), integer]);
}
