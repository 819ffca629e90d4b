import { expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import type { Instance } from '../domain/instance.ts';
import type { Capabilities, Provider, SnapshotStore } from '../domain/provider.ts';

/** An instance, its cloud, and a `down` of which the process dies at a request of this kind. */
function scene(phase: Instance['phase'] = 'ready') {
  const instance = sampleInstance({ phase, ssh: null });
  const state = new MemoryState([instance]);
  const names: string[] = [];
  let diesAt: 'destroy' | null = 'destroy';
  const provider: Partial<Provider> = {
    caps: { clock: 'this-computer', billing: null } as Capabilities,
    find: async () => null,
    destroy: () => (diesAt === 'destroy' ? new Promise<void>(() => undefined) : Promise.resolve()),
    async *leftovers() {
      yield* [];
    },
    snapshots: {
      create: async (_id: string, name: string) => {
        names.push(name);
        return {} as never;
      },
      async *list() {
        yield* names.map((name) => ({ name }));
      },
    } as unknown as SnapshotStore,
  };
  const ssh = { disconnect: async () => undefined, forget: async () => undefined };
  const run: FakeRun = { state, provider, ssh };
  return {
    ...{ state, names, instance },
    down: (...words: string[]) => runLine(['down', 'demo', ...words], run),
    /** Comes back when the snapshot is taken and the machine is marked. */
    async dieAfterSnapshot(...words: string[]) {
      void runLine(['down', 'demo', ...words], run);
      while (state.getInstance(instance.key)?.phase !== 'destroying')
        await new Promise((resolve) => setImmediate(resolve));
      state.alive = false;
      diesAt = null;
    },
  };
}

it.each([
  ['the same name', '--snapshot=mine'],
  ['a name of its own', '--snapshot'],
  ['none', '--force'],
])(
  'a down that was killed after its snapshot is finished with that one, asked for with %s',
  async (_what, word) => {
    const { dieAfterSnapshot, down, names, state } = scene();
    await dieAfterSnapshot('--snapshot=mine', '--force');
    const { status, err } = await down(word, '--force');
    expect({ status, names }).toEqual({ status: 0, names: ['mine'] });
    expect(err).toContain('an earlier run has kept the disk of demo as mine');
    expect(state.listInstances()).toEqual([]);
    expect(state.listReceipts()).toMatchObject([
      { snapshot: 'mine', endedAt: null, assumedEndAt: expect.any(Date) },
    ]);
  },
);

it('a snapshot of a machine that lives on is no reason to take none', async () => {
  const { dieAfterSnapshot, down, names, state, instance } = scene();
  await dieAfterSnapshot('--snapshot=mine', '--force');
  state.updateInstance(instance.key, { phase: 'ready' });
  expect(await down('--snapshot=mine', '--force')).toMatchObject({ status: 0 });
  // The name is taken, which --force passes over.
  expect(state.listReceipts()).toMatchObject([{ snapshot: null }]);
  expect(names).toEqual(['mine']);
});
