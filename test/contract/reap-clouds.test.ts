import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Vm, VmSpec } from '../../src/domain/provider.ts';
import { makeReapScene, type ReapScene } from '../fakes/reap-scene.ts';
import { pretendMachines } from '../simulators/machine-backing.ts';
import type { SimClock } from '../simulators/sim-clock.ts';
import { simulatedClouds, startSim } from '../simulators/start.ts';
import type { CloudHarness } from './cloud-harness.ts';

// The reaper over each simulated cloud, with nothing of its own: no state, and a laptop whose clock may be wrong.

const hourMs = 3_600_000;

describe.each(simulatedClouds)('a reaper at %s', (name) => {
  let harness: CloudHarness;
  let scene: ReapScene;
  let clock: SimClock;

  beforeEach(async () => {
    ({ harness } = await startSim(name, pretendMachines()));
    clock = (harness as CloudHarness & { clock: SimClock }).clock;
    scene = makeReapScene(harness.provider, clock);
  });
  afterEach(async () => {
    const { sim, cloud } = harness;
    await sim.idle();
    const faults = sim.descriptionFaults.splice(0);
    await cloud.clear();
    await sim.stop();
    expect(faults).toEqual([]);
  });

  const make = async (instanceName: string, change: Partial<VmSpec> = {}): Promise<Vm> => {
    const { provider, makeSpec, within, machineTimeoutMs } = harness;
    const expiresAt = new Date(Math.ceil(clock.now() / 1_000) * 1_000 + 10 * hourMs);
    const spec = makeSpec({ instanceName, expiresAt, ...change });
    const { id } = await provider.create(spec, within(machineTimeoutMs));
    const vm = (await provider.waitFor(id, 'running', within(machineTimeoutMs))) as Vm;
    await harness.letPass(provider.caps.listLagSeconds * 1_000);
    return vm;
  };
  const off = async (vm: Vm, how: 'powerOff' | 'stopFromOutside') => {
    await harness[how](vm);
    const wanted =
      harness.provider.caps.guestPoweroff === 'deletes' && vm.onIdle === 'destroy' ? 'gone' : 'stopped';
    await harness.provider.waitFor(
      vm.id,
      how === 'powerOff' ? wanted : 'stopped',
      harness.within(harness.machineTimeoutMs),
    );
  };

  test('destroys what is over or switched itself off, and no machine that is not spuff’s', async () => {
    const foreign = await harness.cloud.plantForeign('spuff-in-name-only');
    const leased = await make('leased');
    await make('over', { expiresAt: new Date(clock.now() + 60_000) });
    await off(await make('idle', { onIdle: 'snapshot' }), 'powerOff');
    const stopped = await make('stopped');
    await off(stopped, 'stopFromOutside');
    await harness.letPass(60_000);
    expect(await scene.outcomes()).toEqual([
      'idle: destroyed, off-by-itself',
      'leased: kept, leased',
      'over: destroyed, past-deadline',
      'stopped: kept, off-by-owner',
    ]);
    expect(harness.cloud.machineIds().sort()).toEqual([foreign, leased.id, stopped.id].sort());
    const receipts = scene.state.listReceipts();
    expect(receipts.map(({ why }) => why).sort()).toEqual(['off-by-itself', 'past-deadline']);
    expect(receipts.find(({ name: of }) => of === 'idle')?.snapshot).toMatch(/^idle-/);
    expect(harness.provider.caps.prices !== 'api' || receipts.every(({ cost }) => cost !== null)).toBe(true);
  });

  test('keeps a machine that was started again after its owner had it off, and takes it when it then goes off', async () => {
    const vm = await make('again', { onIdle: 'snapshot' });
    await off(vm, 'stopFromOutside');
    await harness.letPass(60_000);
    await harness.startAgain(vm);
    await harness.letPass(60_000);
    expect(await scene.outcomes()).toEqual(['again: kept, leased']);
    await off(vm, 'powerOff');
    expect(await scene.outcomes()).toEqual(['again: destroyed, off-by-itself']);
  });

  test.each([24 * hourMs, -24 * hourMs])(
    'goes by the cloud’s clock, with a laptop that is %i ms wrong',
    async (wrongMs) => {
      const leased = await make('leased', { expiresAt: new Date(clock.now() + hourMs) });
      const runtime = { ...clock, now: () => clock.now() + wrongMs };
      const wrong = makeReapScene(harness.reopen(runtime), runtime);
      const early = await wrong.reap();
      // A signature of AWS is good for minutes: who has the wrong time is not let in at all.
      const isShutOut = name === 'aws';
      expect(early.machines.map(({ why }) => why)).toEqual(isShutOut ? [] : ['leased']);
      expect(early.failures).toHaveLength(isShutOut ? 1 : 0);
      expect(harness.cloud.machineIds()).toEqual([leased.id]);
      await harness.letPass(2 * hourMs);
      const late = await wrong.reap();
      expect(late.machines.map(({ why }) => why)).toEqual(isShutOut ? [] : ['past-deadline']);
      expect(harness.cloud.machineIds()).toEqual(isShutOut ? [leased.id] : []);
      expect(late.machines.every(({ receipt }) => receipt?.cost !== null)).toBe(true);
    },
  );

  test('finds what a dead one of its kind had begun, at whichever request it died', async () => {
    for (let nth = 1; ; nth++) {
      await make('over', { expiresAt: new Date(clock.now() + 60_000) });
      await harness.letPass(60_000);
      let seen = 0;
      const match = () => ++seen >= nth;
      harness.sim.fail({ kind: 'request-lost', times: Number.POSITIVE_INFINITY, match });
      const dying = await scene.reap().catch(() => null);
      await harness.sim.idle();
      harness.sim.healAll();
      expect(dying === null || dying.machines.every(({ outcome }) => outcome !== 'kept')).toBe(true);
      await scene.reap();
      expect(harness.cloud.machineIds()).toEqual([]);
      if (seen < nth) break;
    }
  });

  test('lets two of them run at once', async () => {
    for (const instanceName of ['one', 'two', 'three'])
      await make(instanceName, { expiresAt: new Date(clock.now() + 60_000) });
    await harness.letPass(60_000);
    const other = makeReapScene(harness.reopen(), clock);
    const reports = await Promise.all([scene.reap(), other.reap()]);
    const outcomes = reports.flatMap(({ machines }) =>
      machines.map(({ outcome, error }) => ({ outcome, error })),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect(harness.cloud.machineIds()).toEqual([]);
  });
});
