import { describe, expect, it } from 'vitest';
import { nowMs, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { SnapshotInfo, SnapshotStore } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { checkSnapshotName, defaultSnapshotName } from './snapshots.ts';

const demo = sampleInstance();

/** Snapshots in memory, with a record of what was asked. */
function memorySnapshots(names: readonly string[]): SnapshotStore & { made: string[]; deleted: string[] } {
  const info = (name: string, at: number): SnapshotInfo => ({
    id: `id-${name}-${at}`,
    name,
    key: demo.key,
    instanceName: 'demo',
    createdAt: new Date(1_000 * at),
    sizeBytes: 2 ** 20,
    region: null,
    billed: false,
  });
  const made: string[] = [];
  const deleted: string[] = [];
  return {
    made,
    deleted,
    create: async (id, name, { expectKey }) => {
      made.push(`${id} ${name} ${expectKey}`);
      return info(name, 99);
    },
    async *list() {
      yield* names.map(info);
    },
    delete: async (id) => void deleted.push(id),
  };
}

describe('names of snapshots', () => {
  it('are made of the instance and the moment', () => {
    expect(defaultSnapshotName('demo', nowMs)).toBe('demo-20261123-120000');
    expect(checkSnapshotName(defaultSnapshotName('a'.repeat(40), nowMs))).toHaveLength(56);
  });

  it.each(['', 'A', 'a b', '-a', 'a-', 'a/b', 'a:b', 'a\n', 'a'.repeat(64)])('are not %j', (name) => {
    expect(() => checkSnapshotName(name)).toThrow('usable snapshot name');
  });
});

describe('spuff snapshot create', () => {
  it('asks the provider for the machine that is meant, and locks the instance meanwhile', async () => {
    const snapshots = memorySnapshots([]);
    const state = new MemoryState([demo]);
    const { status, out } = await runLine(['snapshot', 'create', '--as', 'mine'], {
      state,
      provider: { snapshots },
    });
    expect({ status, out }).toEqual({ status: 0, out: 'mine\n' });
    expect(snapshots.made).toEqual([`vm-demo mine ${demo.key}`]);
    expect(state.outcomeOf(demo.key)).toBe('done');
  });

  it('refuses a name that is taken, before anything is made', async () => {
    const snapshots = memorySnapshots(['mine']);
    const state = new MemoryState([demo]);
    const run = await runLine(['snapshot', 'create', '--as', 'mine'], { state, provider: { snapshots } });
    expect(run).toMatchObject({ status: 5, out: '' });
    expect(run.err).toContain('spuff snapshot delete mine');
    expect(snapshots.made).toEqual([]);
  });

  it('gives the instance free when it fails', async () => {
    const failing = () =>
      Promise.reject(new ProviderError('server', 'no space', { provider: 'fake', op: 'x', retryable: true }));
    const snapshots = { ...memorySnapshots([]), create: failing };
    const state = new MemoryState([demo]);
    expect(await runLine(['snapshot', 'create'], { state, provider: { snapshots } })).toMatchObject({
      status: 14,
    });
    expect(state.outcomeOf(demo.key)).toBe('failed');
    expect(state.findOperation(demo.key)).toBeNull();
  });

  it('is refused while another process is at work on the instance, and where there are no snapshots', async () => {
    const state = new MemoryState([demo]);
    state.beginOperation('down', demo.key);
    const provider = { snapshots: memorySnapshots([]) };
    expect(await runLine(['snapshot', 'create'], { state, provider })).toMatchObject({ status: 5 });
    expect(await runLine(['snapshot', 'create'], { state: new MemoryState([demo]) })).toMatchObject({
      status: 16,
    });
  });
});

describe('spuff snapshot list and delete', () => {
  it('lists the newest last', async () => {
    const { out } = await runLine(['snapshot', 'list'], {
      provider: { snapshots: memorySnapshots(['one', 'two']) },
    });
    expect(out.split('\n').map((line) => line.split(' ')[0])).toEqual(['NAME', 'one', 'two', '']);
  });

  it('deletes by name or id, and only what is meant', async () => {
    const snapshots = memorySnapshots(['one', 'two', 'twin', 'twin']);
    const run = (...names: string[]) =>
      runLine(['snapshot', 'delete', ...names], { provider: { snapshots } });
    expect(await run('one', 'id-two-1')).toMatchObject({ status: 0 });
    expect(snapshots.deleted).toEqual(['id-one-0', 'id-two-1']);
    const twins = await run('twin');
    expect(twins.status).toBe(2);
    expect(twins.err).toContain('id-twin-2, id-twin-3');
    const partly = await run('nobody', 'id-twin-3');
    expect(partly.status).toBe(4);
    expect(partly.err).toContain('error: nobody: there is no snapshot "nobody"');
    expect(snapshots.deleted).toEqual(['id-one-0', 'id-two-1', 'id-twin-3']);
  });
});
