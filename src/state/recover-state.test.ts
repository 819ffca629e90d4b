import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { type ProcessTable, procTable } from '../lib/process-identity.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { checkState, recoverState } from './recover-state.ts';
import { draftState, keepAside } from './replace-state.ts';
import { openStateStore } from './state-store.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-recover-'));
  path = join(directory, 'state.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A database of several pages, closed, so that all is in the one file. */
function fill(count = 40): void {
  const store = openStateStore({ path });
  for (let i = 0; i < count; i++) {
    store.insertInstance(
      sampleInstance({ name: `n${String(i).padStart(2, '0')}`, directory: '/x'.repeat(400) }),
    );
  }
  store.close();
}

describe('recoverState', () => {
  it('leaves a sound state, and a missing one, alone', () => {
    expect(recoverState(path)).toEqual({ keptAs: null, saved: [] });
    expect(existsSync(path)).toBe(false);
    fill(2);
    const before = readFileSync(path);
    expect(recoverState(path)).toEqual({ keptAs: null, saved: [] });
    expect(readFileSync(path)).toEqual(before);
  });

  it('keeps the damaged file as it was, and saves what can be read', () => {
    fill();
    const pages = statSync(path).size / 4_096;
    const damaged = readFileSync(path);
    damaged.fill(0xa5, Math.floor(pages / 2) * 4_096, Math.floor(pages / 2) * 4_096 + 8_192);
    writeFileSync(path, damaged);
    const { keptAs, saved } = recoverState(path, Date.UTC(2026, 10, 23, 12, 0, 5));
    expect(keptAs).toBe(`${path}.corrupt-2026-11-23T12-00-05Z`);
    expect(readFileSync(keptAs ?? '')).toEqual(damaged);
    expect(statSync(keptAs ?? '').mode & 0o777).toBe(0o600);
    expect(saved.length).toBeGreaterThan(15);
    const store = openStateStore({ path });
    expect(store.listInstances().map(({ name }) => name)).toEqual([...saved].sort());
    expect(store.listInstances()[0]?.agentToken.reveal()).toBe('token-that-nobody-may-see');
    store.close();
  });

  it('starts anew where nothing can be read', () => {
    fill(1);
    writeFileSync(path, 'garbage');
    expect(recoverState(path)).toMatchObject({ saved: [] });
    const store = openStateStore({ path });
    expect(store.listInstances()).toEqual([]);
    store.close();
  });

  it('keeps the log with the database it belongs to, so that what is only in it can be read', () => {
    fill(3);
    const store = openStateStore({ path });
    store.insertInstance(sampleInstance({ name: 'only-in-the-log' }));
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, join(directory, `copy${suffix}`));
    store.close();
    for (const suffix of ['', '-wal']) copyFileSync(join(directory, `copy${suffix}`), path + suffix);
    rmSync(`${path}-shm`, { force: true });
    damageOneInstance();
    const { keptAs, saved } = recoverState(path);
    expect(saved).toEqual(['n00', 'n02', 'only-in-the-log']);
    expect(namesIn(path)).toEqual(saved);
    expect(readdirSync(directory)).toContain(`${keptAs?.slice(directory.length + 1)}-wal`);
  });
});

describe('the journal in a damaged state', () => {
  it('comes along with its steps, so that a half-made instance can be gone on with', () => {
    fill(3);
    const half = sampleInstance({ name: 'half', phase: 'creating' });
    const inputs = { sshPublicKeys: ['ssh-ed25519 AAAA'], owner: 'me' };
    const store = openStateStore({ path, processes: processesOf('dead') });
    store.insertInstance(half);
    const { id } = store.beginOperation('up', half.key);
    store.recordStep(id, { name: 'plan', status: 'done', output: inputs });
    store.recordStep(id, { name: 'create', status: 'started' });
    const ended = store.beginOperation('snapshot', sampleInstance({ name: 'n00' }).key);
    store.endOperation(ended.id, 'done');
    store.close();
    damageInPlace();
    expect(recoverState(path).saved).toEqual(['n00', 'n02', 'half']);
    const after = openStateStore({ path, processes: processesOf('dead') });
    expect(after.beginOperation('up', half.key).steps).toMatchObject([
      { name: 'plan', status: 'done', output: inputs },
      { name: 'create', status: 'started', output: null },
    ]);
    expect(after.findOperation(sampleInstance({ name: 'n00' }).key)).toBeNull();
    // Ids go on where they were: what is written from here on is newer.
    expect(after.beginOperation('down', sampleInstance({ name: 'n02' }).key).id).toBeGreaterThan(ended.id);
    after.close();
  });

  it('keeps out a living process that is at work', () => {
    fill(3);
    const store = openStateStore({ path, processes: processesOf('alive') });
    store.beginOperation('down', sampleInstance({ name: 'n00' }).key);
    store.close();
    damageInPlace();
    recoverState(path);
    const after = openStateStore({ path, processes: processesOf('alive') });
    expect(after.findOperation(sampleInstance({ name: 'n00' }).key)).toMatchObject({
      ownerAlive: true,
      kind: 'down',
    });
    after.close();
  });
});

describe('a repair that is cut off', () => {
  it('before it is decided leaves the damaged state as it was', () => {
    fill(3);
    damageInPlace();
    const damaged = readFileSync(path);
    draftState(path);
    expect(readFileSync(path)).toEqual(damaged);
    expect(checkState(path)).not.toBeNull();
    expect(recoverState(path).saved).toEqual(['n00', 'n02']);
    expect(readdirSync(directory).filter((name) => name.includes('repair'))).toEqual([]);
  });

  it('after it is decided is finished by the next, and nobody uses the old state meanwhile', () => {
    fill(3);
    damageInPlace();
    draftState(path);
    const keptAs = keepAside(path, `${path}.corrupt-1`);
    renameSync(`${path}.repair`, `${path}.repaired`);
    for (const readOnly of [true, false])
      expect(() => openStateStore({ path, readOnly })).toThrow(
        expect.objectContaining({
          code: 'state',
          hints: expect.arrayContaining([expect.stringContaining('--repair-state')]) as string[],
        }),
      );
    expect(recoverState(path)).toEqual({ keptAs, saved: ['n00', 'n02'] });
    expect(namesIn(path)).toEqual(['n00', 'n02']);
    expect(recoverState(path)).toEqual({ keptAs: null, saved: [] });
  });

  it('never overwrites what was kept before', () => {
    for (const round of ['', '-2']) {
      fill(2);
      writeFileSync(path, `garbage${round}`);
      const { keptAs } = recoverState(path, 0);
      expect(keptAs).toBe(`${path}.corrupt-1970-01-01T00-00-00Z${round}`);
      expect(readFileSync(keptAs ?? '', 'utf8')).toBe(`garbage${round}`);
      rmSync(path);
    }
  });
});

function namesIn(file: string): string[] {
  const store = openStateStore({ path: file, readOnly: true });
  const names = store.listInstances().map(({ name }) => name);
  store.close();
  return names.sort();
}

function processesOf(liveness: 'alive' | 'dead'): ProcessTable {
  return { ...procTable, liveness: () => liveness };
}

/** One instance can't be read any more; all is in the one file. */
function damageInPlace(): void {
  const db = new (loadDatabaseClass())(path);
  db.exec("UPDATE instances SET doc = 'x' WHERE name = 'n01'");
  db.close();
}

function damageOneInstance(): void {
  const db = new (loadDatabaseClass())(path);
  db.exec("PRAGMA wal_autocheckpoint = 0; UPDATE instances SET doc = 'x' WHERE name = 'n01'");
  // Closing would write the log back; a copy of both is what a crash leaves.
  for (const suffix of ['', '-wal']) copyFileSync(path + suffix, join(directory, `crash${suffix}`));
  db.close();
  for (const suffix of ['', '-wal']) copyFileSync(join(directory, `crash${suffix}`), path + suffix);
  rmSync(`${path}-shm`, { force: true });
}
