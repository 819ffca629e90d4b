import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { Instance } from '../domain/instance.ts';
import { Secret } from '../domain/secret.ts';
import type { StateStore } from '../domain/state.ts';
import { databaseFiles } from './state-database.ts';
import { openStateStore } from './state-store.ts';

let directory: string;
let path: string;
let store: StateStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-state-'));
  path = join(directory, 'state.db');
  store = openStateStore({ path });
});
afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
});

/** Everything of an instance, secrets revealed, so that two can be compared. */
function reveal(instance: Instance | null): unknown {
  return JSON.parse(
    JSON.stringify(instance, (_key, value: unknown) =>
      value instanceof Secret ? { secret: value.reveal() } : value,
    ),
  );
}

const booting = sampleInstance({
  name: 'booting',
  phase: 'creating',
  vmId: null,
  ssh: null,
  agent: null,
  readyAt: null,
  expiresAt: null,
  idleTimeoutMs: null,
  vmState: null,
  sshPublicKeyPath: null,
  directory: '/with "quotes" and \u{1f600}\n',
  hostIdentity: {
    phase: 'booting',
    injectedPublicKey: 'ssh-ed25519 A',
    injectedPrivateKey: new Secret('key\nof\nit'),
  },
  agentToken: new Secret('the-token'),
  createdAt: new Date(1),
});

describe('instances', () => {
  it.each([
    ['ready', sampleInstance()],
    ['booting', booting],
    [
      'rotating',
      sampleInstance({ hostIdentity: { phase: 'rotating', injectedPublicKey: 'a', newPublicKey: null } }),
    ],
  ])('come back as they were: %s', (_name, instance) => {
    store.insertInstance(instance);
    const read = store.getInstance(instance.key);
    expect(reveal(read)).toEqual(reveal(instance));
    expect(read?.createdAt).toEqual(instance.createdAt);
    expect(read?.agentToken).toBeInstanceOf(Secret);
    expect(reveal(store.findInstance(instance.name))).toEqual(reveal(instance));
  });

  it('are listed in the order they were made', () => {
    for (const [name, at] of [
      ['b', 30],
      ['a', 20],
      ['c', 10],
    ] as const) {
      store.insertInstance(sampleInstance({ name, createdAt: new Date(at) }));
    }
    expect(store.listInstances().map(({ name }) => name)).toEqual(['c', 'a', 'b']);
  });

  it('are null where there are none', () => {
    expect(store.getInstance(booting.key)).toBeNull();
    expect(store.findInstance("x' OR 1=1 --")).toBeNull();
    expect(store.listInstances()).toEqual([]);
  });

  it('have names of their own, also after a change of name', () => {
    store.insertInstance(sampleInstance({ name: 'one' }));
    const taken = sampleInstance({ name: 'one', key: booting.key });
    const conflict = expect.objectContaining({
      code: 'conflict',
      message: expect.stringContaining('one') as string,
    });
    expect(() => store.insertInstance(taken)).toThrow(conflict);
    store.insertInstance(booting);
    expect(() => store.updateInstance(booting.key, { name: 'one' })).toThrow(conflict);
    expect(store.getInstance(booting.key)?.name).toBe('booting');
  });

  it('keep the fields that a change does not name', () => {
    store.insertInstance(booting);
    const changed = store.updateInstance(booting.key, { vmId: 'vm-1', readyAt: new Date(5) });
    expect(reveal(changed)).toEqual(reveal({ ...booting, vmId: 'vm-1', readyAt: new Date(5) }));
    expect(reveal(store.getInstance(booting.key))).toEqual(reveal(changed));
  });

  it('drop the one-time key with the change that ends its use, from the file too', () => {
    const onceOnly = `one-time-${'k'.repeat(30)}`;
    const hostIdentity = {
      phase: 'booting',
      injectedPublicKey: 'a',
      injectedPrivateKey: new Secret(onceOnly),
    } as const;
    store.insertInstance({ ...booting, hostIdentity });
    store.updateInstance(booting.key, {
      hostIdentity: { phase: 'rotating', injectedPublicKey: 'a', newPublicKey: null },
    });
    store.close();
    expect(readFileSync(path).includes(onceOnly)).toBe(false);
  });

  it('leave nothing of their secrets in the file when they are forgotten', () => {
    const agentToken = new Secret(`canary-${'k'.repeat(30)}`);
    for (const name of ['a', 'b', 'c']) store.insertInstance(sampleInstance({ name, agentToken }));
    store.close();
    expect(readFileSync(path).includes(agentToken.reveal())).toBe(true);
    store = openStateStore({ path });
    for (const { key } of store.listInstances()) store.deleteInstance(key);
    store.close();
    expect(readFileSync(path).includes(agentToken.reveal())).toBe(false);
  });

  it('cannot be changed when they are gone', () => {
    expect(() => store.updateInstance(booting.key, { vmId: 'x' })).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });

  it('are forgotten with their journal; forgetting twice is no error', () => {
    store.insertInstance(booting);
    const operation = store.beginOperation('down', booting.key);
    store.deleteInstance(booting.key);
    store.deleteInstance(booting.key);
    expect(store.getInstance(booting.key)).toBeNull();
    expect(store.findOperation(booting.key)).toBeNull();
    store.endOperation(operation.id, 'done');
    expect(() => store.recordStep(operation.id, { name: 'x', status: 'started' })).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
  });
});

describe('files', () => {
  it('are 0600, and so is what SQLite puts beside them', () => {
    store.insertInstance(booting);
    for (const file of databaseFiles(path))
      expect([file, statSync(file).mode & 0o777]).toEqual([file, 0o600]);
    expect(readdirSync(directory).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('are not made by a command that only looks, which changes nothing either', () => {
    const other = join(directory, 'none', 'state.db');
    const looking = openStateStore({ path: other, readOnly: true });
    expect(looking.listInstances()).toEqual([]);
    expect(() => looking.insertInstance(booting)).toThrow();
    looking.close();
    expect(readdirSync(directory)).not.toContain('none');
  });

  it('show a command that only looks what another has written a moment ago', () => {
    const looking = openStateStore({ path, readOnly: true });
    store.insertInstance(booting);
    expect(looking.findInstance('booting')?.key).toBe(booting.key);
    expect(() => looking.deleteInstance(booting.key)).toThrow();
    expect(store.findInstance('booting')).not.toBeNull();
    looking.close();
  });

  it('can be closed twice', () => {
    store.close();
    expect(() => store.close()).not.toThrow();
  });
});
