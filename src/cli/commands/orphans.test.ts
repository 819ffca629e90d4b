import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import type { Leftover, Vm } from '../../domain/provider.ts';

const keyOf = (name: string): InstanceKey => sampleInstance({ name }).key;

describe('spuff orphans', () => {
  const known = sampleInstance();
  const vm = (change: Partial<Vm>): Vm =>
    ({
      id: '1',
      key: known.key,
      name: 'spuff-x',
      state: 'running',
      instanceName: 'old',
      createdAt: new Date(0),
      billed: true,
      ...change,
    }) as Vm;
  const firewall: Leftover = { kind: 'firewall', id: 'f1', name: 'spuff-y', key: keyOf('y'), billed: false };

  const run = (argv: string[], gone: string[] = [], change: FakeRun = {}) =>
    runLine(['orphans', ...argv], {
      state: new MemoryState([known]),
      provider: {
        async *list() {
          yield* [
            vm({}),
            vm({ id: '2', key: keyOf('lost') }),
            vm({ id: '3', key: null }),
            vm({ id: '4', state: 'gone' }),
          ];
        },
        async *leftovers() {
          if (!gone.includes('f1')) yield firewall;
        },
        find: async (key) => (gone.includes('2') ? null : vm({ id: '2', key })),
        destroy: async (id) => void gone.push(id),
        removeLeftover: async ({ id }) => void gone.push(id),
      },
      ...change,
    });

  it('are machines and leftovers that are not in the state', async () => {
    const { out } = await run(['--json']);
    expect(JSON.parse(out).orphans.map(({ kind, id }: Leftover) => `${kind} ${id}`)).toEqual([
      'vm 2',
      'vm 3',
      'firewall f1',
    ]);
  });

  it('are not removed without a word', async () => {
    const gone: string[] = [];
    expect(await run(['--remove'], gone)).toMatchObject({ status: 2 });
    const terminals = { out: true, err: true, input: true };
    const no = { terminals, questions: { confirm: async () => false } };
    expect(await run(['--remove'], gone, no)).toMatchObject({ status: 130 });
    expect(gone).toEqual([]);
  });

  it('are removed on request, but for a machine that nothing proves to be ours', async () => {
    const gone: string[] = [];
    const outcome = await run(['--remove', '--force', '--json'], gone);
    expect(gone.sort()).toEqual(['2', 'f1']);
    expect(outcome).toMatchObject({ status: 5, err: expect.stringContaining('no key of spuff') });
    expect(JSON.parse(outcome.out).orphans.map(({ id }: Leftover) => id)).toEqual(['2', 'f1']);
  });
});
