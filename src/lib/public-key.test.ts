import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findWeakness, parsePublicKey } from './public-key.ts';
import { encodeString } from './ssh-wire.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-public-key-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function generate(type: string, bits: number): { line: string; described: string } {
  const path = join(mkdtempSync(join(folder, 'pair-')), 'key');
  execFileSync('ssh-keygen', ['-q', '-t', type, '-b', String(bits), '-N', '', '-C', 'a comment', '-f', path]);
  return {
    line: readFileSync(`${path}.pub`, 'utf8'),
    described: execFileSync('ssh-keygen', ['-l', '-f', `${path}.pub`], { encoding: 'utf8' }),
  };
}

describe('parsePublicKey', () => {
  it.each([
    ['ed25519', 256],
    ['ecdsa', 256],
    ['ecdsa', 384],
    ['ecdsa', 521],
    ['rsa', 1024],
    ['rsa', 2048],
    ['rsa', 3072],
  ])('says the same of an %s key of %i bits as ssh-keygen', (type, bits) => {
    const { line, described } = generate(type, bits);
    const key = parsePublicKey(line);
    expect(described).toBe(`${key?.bits} ${key?.fingerprint} a comment (${type.toUpperCase()})\n`);
    expect(line).toBe(`${key?.line} a comment\n`);
  });

  it('reads the keys of security tokens', () => {
    const type = 'sk-ssh-ed25519@openssh.com';
    const blob = Buffer.concat([encodeString(type), encodeString(Buffer.alloc(32, 1)), encodeString('ssh:')]);
    expect(parsePublicKey(`${type} ${blob.toString('base64')}`)).toMatchObject({
      type,
      bits: 256,
      comment: '',
    });
  });

  it('refuses everything else', () => {
    const { line } = generate('ed25519', 256);
    const [type, base64 = ''] = line.split(' ');
    const refused = [
      '',
      'ssh-ed25519',
      `${type} ${base64}\n${type} ${base64}\n`,
      `command="x" ${line}`,
      `@cert-authority * ${line}`,
      `ssh-rsa ${base64}`,
      `${type}-cert-v01@openssh.com ${base64}`,
      `${type} ${base64.slice(0, -8)}`,
      `${type} ${base64}AAAA`,
      `__proto__ ${base64}`,
      `constructor ${base64}`,
      '-----BEGIN OPENSSH PRIVATE KEY-----',
    ];
    for (const text of refused) expect(parsePublicKey(text), text).toBeNull();
  });

  it('takes any text without throwing, and what it takes it writes back as the same key', () => {
    const { line } = generate('ecdsa', 256);
    const near = fc.tuple(fc.nat({ max: line.length }), fc.string({ maxLength: 3 }), fc.nat({ max: 3 }));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          near.map(([at, text, cut]) => line.slice(0, at) + text + line.slice(at + cut)),
        ),
        (text) => {
          const key = parsePublicKey(text);
          if (key) expect(parsePublicKey(key.line)).toEqual({ ...key, comment: '' });
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('findWeakness', () => {
  const weaknessOf = (type: string, bits: number) =>
    findWeakness({ type, bits, fingerprint: '', line: '', comment: '' });

  it.each([
    ['ssh-dss', 1024],
    ['ssh-rsa', 1024],
    ['ssh-rsa', 2048],
    ['ssh-rsa', 3071],
  ])('names one of %s with %i bits', (type, bits) => {
    expect(weaknessOf(type, bits)).toContain(type === 'ssh-dss' ? 'DSA' : String(bits));
  });

  it.each([
    ['ssh-rsa', 3072],
    ['ssh-rsa', 4096],
    ['ssh-ed25519', 256],
    ['ecdsa-sha2-nistp256', 256],
  ])('finds none in %s with %i bits', (type, bits) => {
    expect(weaknessOf(type, bits)).toBeNull();
  });
});
