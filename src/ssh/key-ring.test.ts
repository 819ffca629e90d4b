import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { OwnKey } from '../domain/own-key.ts';
import { parsePublicKey } from '../lib/public-key.ts';
import { makeHostKey } from './host-key.ts';
import { nextKeyName, parseRing, publicPathOf, readRing, writeRing } from './key-ring.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-ring-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function makeKey(name: string, storage: 'disk' | 'agent'): OwnKey {
  const key = parsePublicKey(makeHostKey('x').publicKey);
  return {
    name,
    publicPath: publicPathOf(home, name),
    publicKey: key?.line ?? '',
    fingerprint: key?.fingerprint ?? '',
    storage,
    madeAt: new Date(0),
    expiresAt: storage === 'agent' ? new Date(3_600_000) : null,
  };
}

describe('the ring of keys', () => {
  it('is read back as it was written, closed to others', () => {
    const machine = sampleInstance().key;
    const ring = {
      making: { name: 'id_ed25519-20261125-170501-2', workDirectory: '/dev/shm/spuff-key-0123456789abcdef' },
      current: makeKey('id_ed25519-20261125-170501', 'agent'),
      retiring: [{ ...makeKey('id_ed25519', 'disk'), clearedFrom: [machine] }],
    };
    writeRing(home, ring);
    expect(readRing(home)).toEqual(ring);
    expect(statSync(join(home, 'keys', 'ring.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'keys')).mode & 0o777).toBe(0o700);
  });

  it.each([
    '',
    '{}',
    '[]',
    '{"version":2,"making":null,"current":null,"retiring":[]}',
    '{"version":1,"making":null,"current":{"name":"../x"},"retiring":[]}',
    '{"version":1,"making":{"name":"id_ed25519"},"current":null,"retiring":[]}',
  ])('is not guessed at when %j is in its place', (text) => {
    expect(parseRing(text, home)).toBeNull();
    mkdirSync(join(home, 'keys'), { mode: 0o700 });
    writeFileSync(join(home, 'keys', 'ring.json'), text);
    expect(() => readRing(home)).toThrow('ring.json');
  });

  it('is found again from the keys when it is lost: the newest logs in, the others retire', () => {
    expect(readRing(home)).toEqual({ making: null, current: null, retiring: [] });
    mkdirSync(join(home, 'keys'), { mode: 0o700 });
    const keys = ['id_ed25519', 'id_ed25519-20261125-170501'].map((name) => makeKey(name, 'disk'));
    for (const { publicPath, publicKey } of keys) {
      writeFileSync(publicPath, `${publicKey} spuff laptop 2026-11-25\n`);
      writeFileSync(publicPath.replace(/\.pub$/, ''), '');
    }
    writeFileSync(join(home, 'keys', 'id_ed25519-20261126-000000.pub'), 'half a k');
    const { current, retiring } = readRing(home);
    expect([current, ...retiring].map((key) => key?.name)).toEqual([keys[1]?.name, keys[0]?.name]);
    expect(current).toMatchObject({ storage: 'disk', expiresAt: null, fingerprint: keys[1]?.fingerprint });
  });

  it('never gives a name twice', () => {
    const nowMs = Date.UTC(2026, 10, 25, 17, 5, 1);
    const taken = new Set<string>();
    const names = Array.from({ length: 3 }, () => {
      const name = nextKeyName(nowMs, taken);
      taken.add(name);
      return name;
    });
    expect(names).toEqual(['id_ed25519', 'id_ed25519-20261125-170501', 'id_ed25519-20261125-170501-2']);
  });
});
