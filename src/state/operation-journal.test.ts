import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { InstanceKey } from '../domain/ids.ts';
import { Secret } from '../domain/secret.ts';
import type { ProcessIdentity, StateStore } from '../domain/state.ts';
import type { Liveness, ProcessTable } from '../lib/process-identity.ts';
import { openStateStore } from './state-store.ts';

/** A table in which the test decides who lives. */
class FakeProcesses implements ProcessTable {
  readonly identity: ProcessIdentity;
  readonly fates: Map<number, Liveness>;

  constructor(pid: number, fates: Map<number, Liveness>) {
    this.identity = { host: 'here', bootId: 'boot', pid, startedAt: String(pid) };
    this.fates = fates;
  }

  self(): ProcessIdentity {
    return this.identity;
  }

  liveness({ pid }: ProcessIdentity): Liveness {
    return this.fates.get(pid) ?? 'alive';
  }

  describe(): string | null {
    return null;
  }
}

describe('operations', () => {
  const { key } = sampleInstance();
  let directory: string;
  let path: string;
  let fates: Map<number, Liveness>;
  let nowMs: number;
  let opened: StateStore[];
  const openAs = (pid: number): StateStore => {
    const other = openStateStore({ path, processes: new FakeProcesses(pid, fates), now: () => nowMs });
    opened.push(other);
    return other;
  };

  beforeEach(() => {
    fates = new Map();
    nowMs = 1_000;
    opened = [];
    directory = mkdtempSync(join(tmpdir(), 'spuff-journal-'));
    path = join(directory, 'state.db');
  });
  afterEach(() => {
    for (const other of opened) other.close();
    rmSync(directory, { recursive: true });
  });

  it('record each step, with what it gave back', () => {
    const one = openAs(1);
    const operation = one.beginOperation('up', key);
    expect(operation).toMatchObject({
      kind: 'up',
      key,
      owner: { pid: 1 },
      steps: [],
      startedAt: new Date(1_000),
    });
    one.recordStep(operation.id, { name: 'plan', status: 'done', output: { a: [1, 'x', null] } });
    nowMs = 2_000;
    one.recordStep(operation.id, { name: 'create', status: 'started' });
    expect(one.findOperation(key)).toEqual({
      ...operation,
      ownerAlive: true,
      steps: [
        { name: 'plan', status: 'done', output: { a: [1, 'x', null] }, at: new Date(1_000) },
        { name: 'create', status: 'started', output: null, at: new Date(2_000) },
      ],
    });
  });

  it('never hold a secret', () => {
    const one = openAs(1);
    const { id } = one.beginOperation('up', key);
    one.recordStep(id, { name: 'x', status: 'done', output: { token: new Secret('canary-hunter2') } });
    expect(one.findOperation(key)?.steps[0]?.output).toEqual({ token: '[redacted]' });
  });

  it('are refused while a living process is at work, which is named', () => {
    openAs(4711).beginOperation('up', key);
    const conflict = expect.objectContaining({
      code: 'conflict',
      message: expect.stringContaining('4711') as string,
    });
    expect(() => openAs(2).beginOperation('up', key)).toThrow(conflict);
    expect(() => openAs(2).beginOperation('down', key)).toThrow(conflict);
    expect(openAs(2).findOperation(key)).toMatchObject({ ownerAlive: true });
  });

  it('are refused to the process that is at work already', () => {
    const one = openAs(1);
    one.beginOperation('up', key);
    expect(() => one.beginOperation('up', key)).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('are open again once they ended, and then begin anew', () => {
    const one = openAs(1);
    const first = one.beginOperation('up', key);
    one.recordStep(first.id, { name: 'create', status: 'done' });
    one.endOperation(first.id, 'failed');
    one.endOperation(first.id + 100, 'failed');
    expect(one.findOperation(key)).toBeNull();
    const second = openAs(2).beginOperation('up', key);
    expect(second.id).not.toBe(first.id);
    expect(second.steps).toEqual([]);
  });

  it('of the same kind are taken over from a dead process, with their steps', () => {
    const first = openAs(1).beginOperation('up', key);
    openAs(1).recordStep(first.id, { name: 'create', status: 'started' });
    fates.set(1, 'dead');
    expect(openAs(2).findOperation(key)).toMatchObject({ ownerAlive: false });
    const second = openAs(2).beginOperation('up', key);
    expect(second).toMatchObject({ id: first.id, owner: { pid: 2 }, startedAt: first.startedAt });
    expect(second.steps).toMatchObject([{ name: 'create', status: 'started' }]);
  });

  it('of another kind are closed when their process is dead', () => {
    const up = openAs(1).beginOperation('up', key);
    fates.set(1, 'dead');
    const down = openAs(2).beginOperation('down', key);
    expect(down.id).not.toBe(up.id);
    expect(down).toMatchObject({ kind: 'down', steps: [] });
    expect(openAs(2).findOperation(key)?.id).toBe(down.id);
  });

  it('cannot be written by a process that was taken for dead and lost them', () => {
    const one = openAs(1);
    const { id } = one.beginOperation('up', key);
    fates.set(1, 'dead');
    openAs(2).beginOperation('up', key);
    const lost = expect.objectContaining({ code: 'conflict' });
    expect(() => one.recordStep(id, { name: 'x', status: 'done' })).toThrow(lost);
    expect(() => one.endOperation(id, 'done')).toThrow(lost);
    expect(openAs(2).findOperation(key)?.steps).toEqual([]);
  });

  it('of a process that cannot be seen belong to it for an hour after its last entry', () => {
    const one = openAs(1);
    const { id } = one.beginOperation('up', key);
    nowMs += 3_000_000;
    one.recordStep(id, { name: 'x', status: 'started' });
    fates.set(1, 'unknown');
    nowMs += 3_599_999;
    expect(() => openAs(2).beginOperation('up', key)).toThrow(expect.objectContaining({ code: 'conflict' }));
    nowMs += 1;
    expect(openAs(2).beginOperation('up', key)).toMatchObject({ id, owner: { pid: 2 } });
  });

  it('of different instances do not meet', () => {
    const other = '01k0000000000000000000000z' as InstanceKey;
    openAs(1).beginOperation('up', key);
    expect(openAs(2).beginOperation('up', other)).toMatchObject({ key: other });
  });
});
