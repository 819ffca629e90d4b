/** Host keys with a private half, and what ssh would make of them. Encodes by itself, so that a test can encode wrongly. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeString } from '../../src/lib/ssh-wire.ts';

export type HostKeyType = 'ssh-ed25519' | 'ssh-rsa' | `ecdsa-sha2-nistp${256 | 384 | 521}`;

export interface FakeHost {
  type: HostKeyType;
  blob: Buffer;
  /** The bytes of a signature, as they stand after the name of the algorithm. */
  signRaw(data: Uint8Array, algorithm?: string): Buffer;
  /** A signature blob. */
  sign(data: Uint8Array, algorithm?: string): Buffer;
}

const curves = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', hash: 'sha256' },
  'ecdsa-sha2-nistp384': { name: 'nistp384', hash: 'sha384' },
  'ecdsa-sha2-nistp521': { name: 'nistp521', hash: 'sha512' },
};
const rsaHashes: Readonly<Record<string, string>> = {
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
  'ssh-rsa': 'sha1',
};

export function encodeStrings(...strings: Array<string | Uint8Array>): Buffer {
  return Buffer.concat(strings.map((value) => encodeString(value)));
}

/** The content of an mpint above zero, as RFC 4251 has it. */
export function toMpint(bytes: Uint8Array): Buffer {
  let start = 0;
  while (bytes[start] === 0) start++;
  const digits = Buffer.from(bytes.subarray(start));
  return (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
}

export function makeHost(type: HostKeyType, rsaBits = 2048): FakeHost {
  const { privateKey, blob } = makePair(type, rsaBits);
  const usual = type === 'ssh-rsa' ? 'rsa-sha2-512' : type;
  const signRaw = (data: Uint8Array, algorithm = usual) => signWith(privateKey, type, data, algorithm);
  return {
    type,
    blob,
    signRaw,
    sign: (data, algorithm = usual) => encodeStrings(algorithm, signRaw(data, algorithm)),
  };
}

function signWith(privateKey: KeyObject, type: HostKeyType, data: Uint8Array, algorithm: string): Buffer {
  if (type === 'ssh-ed25519') return sign(null, data, privateKey);
  if (type === 'ssh-rsa') return sign(rsaHashes[algorithm] ?? 'sha512', data, privateKey);
  const both = sign(curves[type].hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const half = both.length / 2;
  return encodeStrings(toMpint(both.subarray(0, half)), toMpint(both.subarray(half)));
}

function makePair(type: HostKeyType, rsaBits: number): { privateKey: KeyObject; blob: Buffer } {
  if (type === 'ssh-ed25519') {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    return { privateKey, blob: encodeStrings(type, part(publicKey, 'x')) };
  }
  if (type === 'ssh-rsa') {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: rsaBits });
    return {
      privateKey,
      blob: encodeStrings(type, toMpint(part(publicKey, 'e')), toMpint(part(publicKey, 'n'))),
    };
  }
  const { name } = curves[type];
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: `P-${name.slice(5)}` });
  const point = Buffer.concat([Buffer.from([4]), part(publicKey, 'x'), part(publicKey, 'y')]);
  return { privateKey, blob: encodeStrings(type, name, point) };
}

function part(key: KeyObject, name: 'x' | 'y' | 'e' | 'n'): Buffer {
  return Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url');
}
