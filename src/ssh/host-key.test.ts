import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePublicKey } from '../lib/public-key.ts';
import { makeHostKey } from './host-key.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-host-key-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function askSshKeygen(key: ReturnType<typeof makeHostKey>, ...flags: string[]): string {
  const path = join(folder, 'key');
  rmSync(path, { force: true });
  writeFileSync(path, key.privateKey.reveal(), { mode: 0o600 });
  return execFileSync('ssh-keygen', [...flags, '-f', path], { encoding: 'utf8' }).trim();
}

describe('makeHostKey', () => {
  it('writes what ssh-keygen reads, at every length of padding', () => {
    for (let length = 1; length <= 16; length++) {
      const comment = 'c'.repeat(length);
      const key = makeHostKey(comment);
      expect(askSshKeygen(key, '-y', '-P', '')).toBe(key.publicKey);
      expect(key.publicKey.endsWith(` ${comment}`)).toBe(true);
    }
  });

  it('has the fingerprint that ssh-keygen prints', () => {
    const key = makeHostKey('spuff-one-time');
    const [, fingerprint] = askSshKeygen(key, '-l').split(' ');
    expect(parsePublicKey(key.publicKey)?.fingerprint).toBe(fingerprint);
  });

  it('signs: ssh-keygen -Y verifies with the public half what it signed with the private one', () => {
    const key = makeHostKey('signer');
    const path = join(folder, 'key');
    askSshKeygen(key, '-y', '-P', '');
    const signature = execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', path, '-n', 'test'], {
      input: 'text',
    });
    writeFileSync(join(folder, 'signature'), signature);
    writeFileSync(join(folder, 'allowed'), `someone ${key.publicKey}\n`);
    const verify = ['-Y', 'verify', '-f', join(folder, 'allowed'), '-I', 'someone', '-n', 'test'];
    const verified = execFileSync('ssh-keygen', [...verify, '-s', join(folder, 'signature')], {
      input: 'text',
    });
    expect(verified.toString()).toContain('Good "test" signature');
  });

  it('never makes the same key twice, and does not print the private half', () => {
    const first = makeHostKey('a');
    expect(makeHostKey('a').publicKey).not.toBe(first.publicKey);
    expect(`${inspect(first)}${JSON.stringify(first)}`).not.toContain('PRIVATE KEY');
  });

  it.each(['', 'two words', 'line\nbreak', 'ü', 'x'.repeat(101)])('refuses the comment %j', (comment) => {
    expect(() => makeHostKey(comment)).toThrow(TypeError);
  });
});
