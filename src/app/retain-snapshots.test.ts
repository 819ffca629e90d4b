import { describe, expect, it } from 'vitest';
import { type FakeRun, nowMs, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleReceipt } from '../../test/fakes/sample-receipt.ts';
import type { InstanceKey } from '../domain/ids.ts';
import { pickSurplus } from '../domain/pick-surplus.ts';
import type { Capabilities, Money, SnapshotInfo } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';

const dayMs = 86_400_000;
const demo = sampleInstance();
const foreignKey = '01k00000000000000000000099' as InstanceKey;
const month: Money = { amount: '0.06', currency: 'USD', basis: 'net' };

function info(name: string, ageDays: number, change: Partial<SnapshotInfo> = {}): SnapshotInfo {
  return {
    ...{
      id: `id-${name}`,
      name,
      key: demo.key,
      instanceName: 'demo',
      sizeBytes: 2.5e9,
      region: null,
      billed: true,
    },
    createdAt: new Date(nowMs - ageDays * dayMs),
    ...change,
  };
}

/** A cloud with these snapshots; `there` is what it has in the end. */
function cloud(there: SnapshotInfo[], refused: readonly string[] = []): FakeRun & { state: MemoryState } {
  return {
    state: new MemoryState([demo]),
    provider: {
      caps: { clock: 'this-computer', billing: null } as Capabilities,
      get: async () => null,
      find: async () => null,
      destroy: async () => undefined,
      async *leftovers() {
        yield* [];
      },
      snapshots: {
        create: async (_id, name) => {
          const made = info(name, 0);
          there.push(made);
          return made;
        },
        async *list() {
          yield* [...there];
        },
        delete: async (id) => {
          const options = { provider: 'fake', op: 'snapshots.delete', retryable: false };
          if (refused.includes(id)) throw new ProviderError('conflict', 'it is in use', options);
          there.splice(
            there.findIndex((one) => one.id === id),
            1,
          );
        },
        price: async () => ({ monthly: month, perBytes: 1e9 }),
      },
    },
    ssh: {
      // There is no pre-down hook.
      run: async () => ({ stdout: '', stderr: '', exitCode: 1 }),
      disconnect: async () => undefined,
      forget: async () => undefined,
    },
  };
}

const names = (there: readonly SnapshotInfo[]) => there.map(({ name }) => name);

describe('what no rule keeps', () => {
  const listed = [1, 2, 3, 4, 5].map((age) => ({ snapshot: info(`s${age}`, age) }));
  const others = [info('other', 9, { instanceName: 'other' }), info('nameless', 99, { instanceName: null })];
  const all = [...listed, ...others.map((snapshot) => ({ snapshot }))];
  it.each([
    [{ keep: 3, olderThanMs: null }, ['s5', 's4']],
    [{ keep: 0, olderThanMs: null }, ['other', 's5', 's4', 's3', 's2', 's1']],
    [{ keep: null, olderThanMs: 3 * dayMs }, ['other', 's5', 's4']],
    [{ keep: 1, olderThanMs: 4 * dayMs }, ['s5']],
    [{ keep: 9, olderThanMs: 0 }, []],
  ])('of %j: %j', (retention, gone) => {
    expect(pickSurplus(all, retention, nowMs).map(({ snapshot }) => snapshot.name)).toEqual(gone);
  });
});

describe('keep_snapshots', () => {
  const settings = { keepSnapshots: 2 };
  const older = () => [info('s3', 3), info('s2', 2), info('s1', 1)];

  it('deletes what is too many once there is a new one', async () => {
    const there = older();
    const { status, err } = await runLine(['snapshot', 'create', '--as', 'new'], {
      ...cloud(there),
      settings,
    });
    expect({ status, left: names(there) }).toEqual({ status: 0, left: ['s1', 'new'] });
    expect(err).toContain('snapshot s3 is deleted: keep_snapshots is 2');
  });

  it('does so on the way down too', async () => {
    const there = older();
    const run = await runLine(['down', 'demo', '--snapshot=new'], { ...cloud(there), settings });
    expect({ status: run.status, left: names(there) }).toEqual({ status: 0, left: ['s1', 'new'] });
  });

  it('keeps all without it, and where no snapshot was taken', async () => {
    const there = older();
    await runLine(['down', 'demo'], { ...cloud(there), settings });
    await runLine(['snapshot', 'create', '--as', 'new'], cloud(there));
    expect(names(there)).toEqual(['s3', 's2', 's1', 'new']);
  });

  it('touches none of another name, and none of a machine that this computer did not make', async () => {
    const foreign = { key: foreignKey };
    const there = [info('theirs', 9, foreign), info('other', 9, { instanceName: 'other' }), ...older()];
    const given = cloud(there);
    // A reaper has seen to somebody else's machine.
    given.state.addReceipt(sampleReceipt({ key: foreignKey, directory: null }));
    await runLine(['snapshot', 'create', '--as', 'new'], { ...given, settings });
    expect(names(there)).toEqual(['theirs', 'other', 's1', 'new']);
  });

  it('knows those of machines that are gone by their receipts', async () => {
    const there = [info('before', 9, { key: foreignKey }), info('s1', 1)];
    const given = cloud(there);
    given.state.addReceipt(sampleReceipt({ key: foreignKey }));
    await runLine(['snapshot', 'create', '--as', 'new'], { ...given, settings });
    expect(names(there)).toEqual(['s1', 'new']);
  });

  it('is no reason to fail', async () => {
    const there = older();
    const run = await runLine(['snapshot', 'create', '--as', 'new'], {
      ...cloud(there, ['id-s3']),
      settings,
    });
    expect(run.status).toBe(0);
    expect(run.err).toContain('an older snapshot of demo stays: it is in use');
  });
});

describe('spuff snapshot prune', () => {
  const world = () => [
    info('s40', 40),
    info('s20', 20),
    info('s1', 1),
    info('theirs', 50, { key: foreignKey }),
  ];

  it('shows what would go and what it costs, and deletes nothing', async () => {
    const there = world();
    const { out, err, status } = await runLine(
      ['snapshot', 'prune', '--keep', '1', '--dry-run'],
      cloud(there),
    );
    expect({ status, left: there.length }).toEqual({ status: 0, left: 4 });
    expect(out).toMatch(/^NAME .*A MONTH +ID\ns40 +demo +fake +2\.3 GiB +40d ago +0\.15 USD +id-s40\ns20 /);
    expect(err).toContain('together 0.30 USD a month');
    expect(err).toContain('there would be 1 more, with --all');
  });

  it.each([
    [
      ['--keep', '1'],
      ['s1', 'theirs'],
    ],
    [
      ['--older-than', '30d'],
      ['s20', 's1', 'theirs'],
    ],
    [
      ['--older-than', '30d', '--all'],
      ['s20', 's1'],
    ],
    [
      ['--keep', '1', '--older-than', '30d'],
      ['s20', 's1', 'theirs'],
    ],
    [[], ['s20', 's1', 'theirs']],
  ])('with %j leaves %j', async (words, left) => {
    const there = world();
    const settings = { keepSnapshots: 2 };
    const run = await runLine(['snapshot', 'prune', '--force', ...words], { ...cloud(there), settings });
    expect({ status: run.status, left: names(there) }).toEqual({ status: 0, left });
  });

  it('asks, and takes no for an answer', async () => {
    const there = world();
    const terminals = { out: true, err: true, input: true };
    const answer = (yes: boolean) => ({
      ...cloud(there),
      terminals,
      questions: { confirm: async () => yes },
    });
    expect((await runLine(['snapshot', 'prune', '--keep', '1'], answer(false))).err).toContain(
      'nothing was deleted',
    );
    expect(there).toHaveLength(4);
    await runLine(['snapshot', 'prune', '--keep', '1'], answer(true));
    expect(names(there)).toEqual(['s1', 'theirs']);
  });

  it('deletes nothing where nobody can be asked, or nobody says what', async () => {
    const there = world();
    expect(await runLine(['snapshot', 'prune', '--keep', '1'], cloud(there))).toMatchObject({ status: 2 });
    expect(await runLine(['snapshot', 'prune', '--force'], cloud(there))).toMatchObject({ status: 2 });
    expect(there).toHaveLength(4);
  });

  it('goes on past one that is refused, and tells it', async () => {
    const there = world();
    const { status, out, err } = await runLine(
      ['snapshot', 'prune', '--keep', '1', '--force', '--json'],
      cloud(there, ['id-s20']),
    );
    expect(status).not.toBe(0);
    expect(err).toContain('it is in use');
    const { surplus, deleted } = JSON.parse(out);
    expect([surplus.length, deleted.map(({ name }: SnapshotInfo) => name)]).toEqual([2, ['s40']]);
    expect(deleted[0].monthly).toEqual({ ...month, amount: '0.15' });
  });
});
