import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeInstanceKey } from '../domain/ids.ts';
import { Secret } from '../domain/secret.ts';
import { makeHostKey } from './host-key.ts';
import { hostAlias, renderKnownHosts, trustOf, writeKnownHosts } from './known-hosts.ts';

const key = makeInstanceKey(1_700_000_000_000, new Uint8Array(10).fill(7));
const injected = makeHostKey('one-time').publicKey;
const own = makeHostKey('own').publicKey;
const bare = (publicKey: string) => publicKey.split(' ').slice(0, 2).join(' ');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-known-hosts-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('trustOf', () => {
  it('accepts the injected key while booting', () => {
    const identity = {
      phase: 'booting',
      injectedPublicKey: injected,
      injectedPrivateKey: new Secret('x'),
    } as const;
    expect(trustOf(identity)).toEqual({ accepted: [injected], revoked: [] });
  });

  it('accepts either key while rotating', () => {
    const identity = { phase: 'rotating', injectedPublicKey: injected, newPublicKey: own } as const;
    expect(trustOf(identity)).toEqual({ accepted: [injected, own], revoked: [] });
    expect(trustOf({ ...identity, newPublicKey: null }).accepted).toEqual([injected]);
  });

  it('accepts only the own key once pinned, and revokes the injected one', () => {
    const identity = { phase: 'pinned', injectedPublicKey: injected, publicKey: own } as const;
    expect(trustOf(identity)).toEqual({ accepted: [own], revoked: [injected] });
  });
});

describe('renderKnownHosts', () => {
  it('writes one line a key, under the alias', () => {
    expect(renderKnownHosts(key, { accepted: [own], revoked: [injected] })).toBe(
      `spuff-${key} ${bare(own)}\n@revoked spuff-${key} ${bare(injected)}\n`,
    );
  });

  it.each([`${own}\nevil.example ${own}`, `* ${own}`, 'ssh-rsa AAAA', `@cert-authority * ${own}`])(
    'refuses to write %j',
    (hostile) => {
      expect(() => renderKnownHosts(key, { accepted: [hostile], revoked: [] })).toThrow(/not an ed25519 key/);
    },
  );
});

describe('writeKnownHosts', () => {
  it('makes a private file that ssh-keygen finds the alias in, and nothing else', () => {
    const path = join(folder, 'known_hosts', key);
    writeKnownHosts(path, key, { accepted: [own], revoked: [injected] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const found = execFileSync('ssh-keygen', ['-F', hostAlias(key), '-f', path], { encoding: 'utf8' });
    expect(found).toContain(bare(own));
    expect(found).toContain('REVOKED');
    expect(spawnSync('ssh-keygen', ['-F', '127.0.0.1', '-f', path]).status).toBe(1);
  });

  it('leaves a file alone that is right, and replaces one that was changed', () => {
    const path = join(folder, 'other', key);
    writeKnownHosts(path, key, { accepted: [own], revoked: [] });
    const before = statSync(path).ino;
    writeKnownHosts(path, key, { accepted: [own], revoked: [] });
    expect(statSync(path).ino).toBe(before);
    writeKnownHosts(path, key, { accepted: [injected], revoked: [] });
    expect(readFileSync(path, 'utf8')).toBe(`spuff-${key} ${bare(injected)}\n`);
  });
});
