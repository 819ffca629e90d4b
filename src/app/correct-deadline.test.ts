import { expect, it } from 'vitest';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleVm } from '../../test/fakes/sample-vm.ts';
import { silentProgress } from '../domain/progress.ts';
import { correctDeadline } from './correct-deadline.ts';
import type { ClockWatch } from './provider-clock.ts';
import type { UpRun } from './up-run.ts';

const hourMs = 3_600_000;
const trueMs = Date.UTC(2026, 10, 23, 12);

/** An instance that a laptop has made by its own clock, for a day, while the cloud's was so far ahead. */
function make(aheadMs: number | null, isProviderTime = false) {
  const laptopMs = trueMs - (aheadMs ?? 0);
  const [createdAt, expiresAt] = [new Date(laptopMs), new Date(laptopMs + 24 * hourMs)];
  const instance = sampleInstance({ createdAt, expiresAt });
  const state = new MemoryState([instance]);
  const set: (Date | null)[] = [];
  const vm = sampleVm({ key: instance.key, createdAt: new Date(trueMs + 30_000), expiresAt });
  const run = {
    ...{ state, instance, context: { progress: silentProgress }, inputs: { isProviderTime } },
    provider: { id: 'fake', setExpiry: async (_id: string, at: Date | null) => void set.push(at) },
  } as unknown as UpRun;
  const clock = { aheadMs: () => aheadMs, options: () => ({}) } as unknown as ClockWatch;
  return { run, vm, set, state, clock, instance };
}

it.each([24 * hourMs, -24 * hourMs, 3 * 60_000])(
  'puts the deadline right where the laptop is %i ms behind, and once',
  async (aheadMs) => {
    const { run, vm, set, state, clock, instance } = make(aheadMs);
    await correctDeadline(run, vm, clock);
    const right = new Date(trueMs + 24 * hourMs);
    expect(set).toEqual([right]);
    expect(state.getInstance(instance.key)).toMatchObject({ createdAt: new Date(trueMs), expiresAt: right });
    // A run that died before the provider had it goes on; one that died after it has nothing left to do.
    await correctDeadline(run, vm, clock);
    expect(set).toEqual([right, right]);
    await correctDeadline(run, { ...vm, expiresAt: right }, clock);
    expect(set).toHaveLength(2);
    expect(state.getInstance(instance.key)?.expiresAt).toEqual(right);
  },
);

it.each([null, 0, 60_000, -60_000])('leaves it where the clocks are %j ms apart', async (aheadMs) => {
  const { run, vm, set, state, clock, instance } = make(aheadMs);
  await correctDeadline(run, vm, clock);
  expect(set).toEqual([]);
  expect(state.getInstance(instance.key)).toMatchObject({ expiresAt: instance.expiresAt });
});

it('leaves a run that goes on a day later as it is, where the clocks agree', async () => {
  const { run, vm, set, clock } = make(0);
  await correctDeadline(run, { ...vm, createdAt: new Date(trueMs + 24 * hourMs) }, clock);
  expect(set).toEqual([]);
});

it('moves nothing that was by the provider’s clock from the beginning, however late its machine was ordered', async () => {
  const { run, vm, set, state, clock, instance } = make(5 * 60_000, true);
  await correctDeadline(run, { ...vm, createdAt: new Date(trueMs + hourMs) }, clock);
  expect(set).toEqual([]);
  expect(state.getInstance(instance.key)).toMatchObject({ expiresAt: instance.expiresAt });
});
