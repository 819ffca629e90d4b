import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { Secret } from '../domain/secret.ts';
import type { StateStore } from '../domain/state.ts';
import { openStateLazily } from './lazy-state-store.ts';
import { openStateStore } from './state-store.ts';

let directory: string;
let path: string;
let store: StateStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-lazy-'));
  path = join(directory, 'home', 'state.db');
  store = openStateLazily({ path });
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

describe('a state that is opened when it is needed', () => {
  it('makes nothing while it is only looked at', () => {
    expect(store.listInstances()).toEqual([]);
    expect(store.findInstance('demo')).toBeNull();
    expect(store.getInstance(sampleInstance().key)).toBeNull();
    expect(store.findOperation(sampleInstance().key)).toBeNull();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is made by the first change, which the same store then sees', () => {
    expect(store.listInstances()).toEqual([]);
    store.transact(() => store.insertInstance(sampleInstance()));
    expect(store.findInstance('demo')?.name).toBe('demo');
    expect(store.beginOperation('down', sampleInstance().key).kind).toBe('down');
    expect(store.findOperation(sampleInstance().key)?.ownerAlive).toBe(true);
  });

  it('sees what another process changes meanwhile', () => {
    openStateStore({ path }).close();
    expect(store.listInstances()).toEqual([]);
    const other = openStateStore({ path });
    other.insertInstance(sampleInstance());
    expect(store.listInstances()).toHaveLength(1);
    other.close();
  });

  it('leaves no log behind when it is closed, and may be closed twice', () => {
    store.listInstances();
    store.insertInstance(sampleInstance());
    store.close();
    store.close();
    expect(readdirSync(join(directory, 'home'))).toEqual(['state.db']);
  });
});

describe('what an instance leaves when it is deleted', () => {
  const secret = sampleInstance({
    agentToken: new Secret('token-of-the-dead'),
    hostIdentity: {
      phase: 'booting',
      injectedPublicKey: 'ssh-ed25519 A',
      injectedPrivateKey: new Secret(`BEGIN OPENSSH PRIVATE KEY ${'x'.repeat(3_000)}`),
    },
  });
  const everything = () =>
    [path, `${path}-wal`].map((file) => (existsSync(file) ? readFileSync(file, 'latin1') : '')).join('');

  it.each([
    ['alone', (work: () => void) => work()],
    ['in a transaction', (work: () => void) => store.transact(work)],
  ])('is nothing of its secrets, also while others have the state open: %s', (_how, run) => {
    store.insertInstance(secret);
    const looking = openStateStore({ path, readOnly: true });
    expect(looking.listInstances()).toHaveLength(1);
    expect(everything()).toContain('BEGIN OPENSSH PRIVATE KEY');
    run(() => store.deleteInstance(secret.key));
    expect(everything()).not.toMatch(/token-of-the-dead|BEGIN OPENSSH PRIVATE KEY/);
    expect(statSync(`${path}-wal`).size).toBe(0);
    expect(looking.listInstances()).toEqual([]);
    looking.close();
  });
});
