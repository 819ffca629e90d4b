import { describe, expect, it } from 'vitest';
import { findModulus, type RsaProof, signWithExponent, toBytes } from '../../../test/fakes/rsa-numbers.ts';
import { encodeStrings, type HostKeyType, makeHost, toMpint } from '../../../test/fakes/ssh-hosts.ts';
import { decodeStrings } from '../../lib/ssh-wire.ts';
import { verifyHostSignature } from './verify-signature.ts';

const data = Buffer.from('what a session is called by');
const ecdsaTypes = ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'] as const;
const cases: [HostKeyType, string][] = [
  ['ssh-ed25519', 'ssh-ed25519'],
  ...ecdsaTypes.map((type): [HostKeyType, string] => [type, type]),
  ['ssh-rsa', 'rsa-sha2-256'],
  ['ssh-rsa', 'rsa-sha2-512'],
];
const ed25519 = makeHost('ssh-ed25519');
const rsa = makeHost('ssh-rsa');
const zero = Buffer.from([0]);

/** The strings of a blob, one of them put in another's place. */
function replaceString(blob: Buffer, index: number, value: string | Buffer): Buffer {
  const strings: Array<string | Buffer> = decodeStrings(blob)!;
  strings[index] = value;
  return encodeStrings(...strings);
}

describe.each(cases)('%s with %s', (type, algorithm) => {
  const host = makeHost(type);
  const signature = host.sign(data, algorithm);

  it('is good over the data alone, by this key alone', () => {
    expect(verifyHostSignature(host.blob, data, signature)).toBe(true);
    expect(verifyHostSignature(host.blob, Buffer.concat([data, zero]), signature)).toBe(false);
    expect(verifyHostSignature(makeHost(type).blob, data, signature)).toBe(false);
  });

  it('is good no more once any byte of it has changed, or is missing', () => {
    for (let at = 0; at < signature.length; at++) {
      const changed = Buffer.from(signature);
      changed[at]! ^= 1;
      expect(verifyHostSignature(host.blob, data, changed), `byte ${at}`).toBe(false);
      expect(verifyHostSignature(host.blob, data, signature.subarray(0, at)), `${at} bytes`).toBe(false);
    }
  });

  it('is good no more once a byte of the key has changed, or is missing', () => {
    for (let at = 0; at < host.blob.length; at++) {
      const changed = Buffer.from(host.blob);
      changed[at]! ^= 1;
      expect(verifyHostSignature(changed, data, signature), `byte ${at}`).toBe(false);
      expect(verifyHostSignature(host.blob.subarray(0, at), data, signature), `${at} bytes`).toBe(false);
    }
  });

  it('is no good with a byte left over after it, within it or after the key', () => {
    const [name, raw] = decodeStrings(signature)!;
    const longer = encodeStrings(name!, Buffer.concat([raw!, zero]));
    expect(verifyHostSignature(host.blob, data, Buffer.concat([signature, zero]))).toBe(false);
    expect(verifyHostSignature(host.blob, data, longer)).toBe(false);
    expect(verifyHostSignature(Buffer.concat([host.blob, zero]), data, signature)).toBe(false);
  });

  it('is no good under the name of another algorithm', () => {
    const raw = host.signRaw(data, algorithm);
    for (const name of [...cases.map(([, other]) => other), 'ssh-rsa', 'ssh-dss', '', `${algorithm}x`])
      if (name !== algorithm)
        expect(verifyHostSignature(host.blob, data, encodeStrings(name, raw)), name).toBe(false);
  });

  it('is no good for the certificate of the key, nor for a security key', () => {
    const certificate = Buffer.concat([
      replaceString(host.blob, 0, `${type}-cert-v01@openssh.com`),
      encodeStrings('more'),
    ]);
    expect(verifyHostSignature(certificate, data, signature)).toBe(false);
    expect(verifyHostSignature(replaceString(host.blob, 0, `sk-${type}@openssh.com`), data, signature)).toBe(
      false,
    );
  });
});

/** Made by chance once: one signature in some five hundred has a number that is a byte shorter than the others. */
const shortSignatures = {
  'ecdsa-sha2-nistp256': {
    blob: 'AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJdHLSG49FWtCMvpSMxDft2YAakVVOJ6pRvTfmL/3Flh2WOU2VQsYz7mzCb0BeBkzPzmmTxHE9jXHcTI2/p1Vpo=',
    raw: 'AAAAH10oMie4l8uzIlpRH3LVdZIEivslZ3IUvWaoU7qtJEwAAAAgS+T67OrOMXEbkXramWTHDczSek1JfuiEC0p6p3g9Fb8=',
  },
  'ecdsa-sha2-nistp384': {
    blob: 'AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBI5kPsOt8Z7hzKyDt9UhYmAOKl9VY8rrmZaPAsUGPJwyqUH9UaIPlNO6ONGRHarJVYWnipVK1UuvGxz8jLmRAyqQ41vOBXiWVpxGjPL0ps3/crPiWFjfWvhlrou07L4qug==',
    raw: 'AAAALxR4zEzMpPWsX1ArLZT3v02rsZRnE18DRVhqeW52DbmoROtM0Oqxa59Mkzs80s4NAAAAMQD1VL6L5FO8BDVWwHx/Uhj/jOStj5hBuwbpSv6kNK1Hg/io7GIvcEO+6Fuyb7EesnE=',
  },
  'ecdsa-sha2-nistp521': {
    blob: 'AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAFMI8oNl9n4TG1fkyqHL2tt1d5lR18NA3X5jHZhFcW1So8U3IdaTgSUozYzuqt/TSA/HjEAnm18KzhiQZHanyzdXQGaQG2oojf9Y79nhDYiA5RP3t5PFKl9Um4KvAWsbcvrkFhE28ZX6e6qirC4G7Sa5PvTVKwD/SH+e0mk8Kge9eLbRw==',
    raw: 'AAAAQAS6tXMv9vVNbK36CtMnGMyF0V/1a5Y5LHrBqGFOX1RvcyMdKPX8B+ZN+fbd8ri4fkI9IAaTozUlfAfS9NJ+zKcAAABCASGysqr9yO8SXtNBWdJwnEIH73zLuhw5BeQZaQKX7qFiGZiT6IVSo9PTEI2ulvJ+WsUCWyId6HUVhgnXSJSIbhL+',
  },
};

describe('an ed25519 key', () => {
  it('has 32 bytes', () => {
    for (const length of [0, 31, 33])
      expect(
        verifyHostSignature(encodeStrings('ssh-ed25519', Buffer.alloc(length)), data, ed25519.sign(data)),
      ).toBe(false);
  });
});

describe.each(ecdsaTypes)('a signature by %s', (type) => {
  const host = makeHost(type);
  const [r, s] = decodeStrings(host.signRaw(data))!;
  const isGood = (...halves: Array<Buffer | string>) =>
    verifyHostSignature(host.blob, data, encodeStrings(type, encodeStrings(...halves)));

  it('is two positive numbers, in the shortest encoding', () => {
    expect(isGood(r!, s!)).toBe(true);
    expect(isGood(Buffer.concat([zero, r!]), s!)).toBe(false);
    expect(isGood(r!, Buffer.concat([zero, s!]))).toBe(false);
    expect(isGood(r!)).toBe(false);
    expect(isGood(r!, s!, '')).toBe(false);
  });

  it('has no zero and nothing negative in it', () => {
    for (const bad of [Buffer.alloc(0), zero, Buffer.from([0x80]), Buffer.alloc(r!.length, 0xff)]) {
      expect(isGood(bad, s!)).toBe(false);
      expect(isGood(r!, bad)).toBe(false);
    }
  });

  it('has no number that is longer than the field', () => {
    const long = Buffer.concat([Buffer.from([1]), Buffer.alloc(66)]);
    expect(isGood(long, s!)).toBe(false);
    expect(isGood(r!, long)).toBe(false);
  });

  it('may have numbers that begin with zero bytes', () => {
    const { blob, raw } = shortSignatures[type];
    const signature = encodeStrings(type, Buffer.from(raw, 'base64'));
    expect(verifyHostSignature(Buffer.from(blob, 'base64'), data, signature)).toBe(true);
  });

  it('is by a point of its curve, which is not compressed', () => {
    const signature = host.sign(data);
    const [, curve, point] = decodeStrings(host.blob)!;
    const isGoodFor = (name: string | Buffer, bytes: Buffer) =>
      verifyHostSignature(encodeStrings(type, name, bytes), data, signature);
    const compressed = Buffer.concat([Buffer.from([2]), point!.subarray(1, 1 + (point!.length - 1) / 2)]);
    const hybrid = Buffer.concat([Buffer.from([6]), point!.subarray(1)]);
    expect(isGoodFor(curve!, point!)).toBe(true);
    expect(isGoodFor('nistp192', point!)).toBe(false);
    expect(isGoodFor(curve!, compressed)).toBe(false);
    expect(isGoodFor(curve!, hybrid)).toBe(false);
    expect(isGoodFor(curve!, Buffer.concat([point!, zero]))).toBe(false);
    expect(isGoodFor(curve!, Buffer.alloc(point!.length, 4))).toBe(false);
  });
});

describe('an RSA key', () => {
  it('has 2048 bits or more, and counts them exactly', () => {
    for (const [bits, isGood] of [
      [1024, false],
      [2047, false],
      [2048, true],
      [2049, true],
      [3072, true],
    ] as const) {
      const host = makeHost('ssh-rsa', bits);
      expect(verifyHostSignature(host.blob, data, host.sign(data)), `${bits} bits`).toBe(isGood);
    }
  });

  it('makes no signature with SHA-1', () => {
    expect(verifyHostSignature(rsa.blob, data, rsa.sign(data, 'ssh-rsa'))).toBe(false);
    const sha1 = encodeStrings('rsa-sha2-256', rsa.signRaw(data, 'ssh-rsa'));
    expect(verifyHostSignature(rsa.blob, data, sha1)).toBe(false);
  });

  it('has numbers in the shortest encoding', () => {
    const [type, exponent, modulus] = decodeStrings(rsa.blob)!;
    const isGood = (e: Buffer, n: Buffer) =>
      verifyHostSignature(encodeStrings(type!, e, n), data, rsa.sign(data));
    expect(isGood(exponent!, modulus!)).toBe(true);
    expect(isGood(Buffer.concat([zero, exponent!]), modulus!)).toBe(false);
    expect(isGood(exponent!, Buffer.concat([zero, modulus!]))).toBe(false);
    expect(isGood(exponent!, modulus!.subarray(1))).toBe(false);
    expect(isGood(Buffer.alloc(0), modulus!)).toBe(false);
    expect(isGood(exponent!, Buffer.alloc(0))).toBe(false);
  });

  const isProof = ({ exponent, modulus, signature }: RsaProof, toInteger = toMpint) => {
    const blob = encodeStrings('ssh-rsa', toMpint(toBytes(exponent)), toInteger(toBytes(modulus)));
    return verifyHostSignature(blob, data, encodeStrings('rsa-sha2-256', signature));
  };

  it.each([
    ['everybody could sign for it', 1n, false],
    ['its exponent is 3', 3n, true],
    ['its exponent has 64 bits', 0xffffffffffffffc5n, true],
    ['its exponent has more than 64 bits', 0x1000000000000000dn, false],
  ])('is judged right when %s', (_, exponent, isGood) => {
    expect(isProof(signWithExponent(data, exponent))).toBe(isGood);
  });

  it('has an odd exponent', () => {
    expect(isProof(findModulus(data, 2n, 2048))).toBe(false);
    expect(isProof(findModulus(data, 3n, 2048))).toBe(true);
  });

  it('has 16384 bits at most', () => {
    expect(isProof(findModulus(data, 3n, 16_384))).toBe(true);
    expect(isProof(findModulus(data, 3n, 16_392))).toBe(false);
  });

  it('has a modulus that is not negative', () => {
    const proof = findModulus(data, 3n, 2048);
    expect(toBytes(proof.modulus)[0]).toBe(0x80);
    expect(isProof(proof, (bytes) => Buffer.from(bytes))).toBe(false);
  });
});
