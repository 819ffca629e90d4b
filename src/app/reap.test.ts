import { describe, expect, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { makeReapScene } from '../../test/fakes/reap-scene.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { makeSpec } from '../../test/machine/lab.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Capabilities, Vm, VmSpec } from '../domain/provider.ts';
import type { StateStore } from '../domain/state.ts';

const hourMs = 3_600_000;

function open(caps: Partial<Capabilities> = {}, store?: StateStore) {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({ runtime, caps: { clock: 'this-computer', ...caps } });
  const within = (timeoutMs: number) => ({
    signal: new AbortController().signal,
    deadline: new Date(runtime.now() + timeoutMs),
  });
  const make = async (instanceName: string, change: Partial<VmSpec> = {}): Promise<Vm> => {
    const expiresAt = new Date(runtime.now() + hourMs);
    const spec = makeSpec({ region: 'here', size: 'small', instanceName, expiresAt, ...change });
    const { id } = await provider.create(spec, within(60_000));
    return (await provider.waitFor(id, 'running', within(60_000))) as Vm;
  };
  const track = (vm: Vm, change: Parameters<typeof sampleInstance>[0] = {}) => {
    const of = { name: vm.instanceName ?? '', createdAt: vm.createdAt, expiresAt: vm.expiresAt };
    const instance = sampleInstance({ ...of, key: vm.key as never, vmId: vm.id, ...change });
    scene.state.insertInstance(instance);
    return instance;
  };
  const scene = makeReapScene(provider, runtime, store);
  return { ...scene, runtime, provider, cloud: provider.cloud, make, track };
}

type Scene = ReturnType<typeof open>;
const left = ({ cloud }: Scene) => cloud.machines.map(({ spec }) => spec.instanceName);

describe('a run without any state', () => {
  it('destroys what is over or off by itself, keeps the rest, and says why', async () => {
    const scene = open();
    const { make, cloud, runtime } = scene;
    await make('leased');
    await make('endless', { expiresAt: null });
    await make('over', { expiresAt: new Date(runtime.now() + 60_000) });
    cloud.powerOff((await make('idle')).id);
    cloud.stop((await make('stopped')).id);
    runtime.advance(120_000);
    expect(await scene.outcomes()).toEqual([
      'endless: kept, no-deadline',
      'idle: destroyed, off-by-itself',
      'leased: kept, leased',
      'over: destroyed, past-deadline',
      'stopped: kept, off-by-owner',
    ]);
    expect(left(scene)).toEqual(['leased', 'endless', 'stopped']);
  });

  it('writes receipts with what is known at the provider, and once', async () => {
    const scene = open();
    const vm = await scene.make('over');
    scene.runtime.advance(2 * hourMs);
    const [told] = (await scene.reap()).machines;
    const receipt = {
      ...{ key: vm.key, name: 'over', provider: 'fake', region: 'here', size: 'small', vmId: vm.id },
      ...{ directory: null, by: 'reap', why: 'past-deadline', createdAt: vm.createdAt, snapshot: null },
      cost: { amount: '0.03', currency: 'EUR', basis: 'net' },
    };
    expect(told?.receipt).toMatchObject(receipt);
    expect(scene.state.listReceipts()).toEqual([told?.receipt]);
  });

  it('takes one list call at a provider where nothing is due', async () => {
    const scene = open();
    await scene.make('leased');
    scene.cloud.requests.length = 0;
    await scene.reap({ owner: 'spuff-test' });
    expect(scene.cloud.requests).toEqual(['list']);
  });

  it('changes nothing when it is only to say what it would do', async () => {
    const scene = open();
    scene.cloud.powerOff((await scene.make('idle')).id);
    scene.runtime.advance(hourMs);
    expect(await scene.outcomes({ dryRun: true })).toEqual(['idle: to-be-destroyed, past-deadline']);
    expect(left(scene)).toEqual(['idle']);
    expect(scene.state.listReceipts()).toEqual([]);
  });

  it('keeps to one owner where that is asked for', async () => {
    const scene = open();
    await scene.make('mine', { owner: 'me' });
    await scene.make('theirs', { owner: 'them' });
    scene.runtime.advance(2 * hourMs);
    expect(await scene.outcomes({ owner: 'me' })).toEqual(['mine: destroyed, past-deadline']);
    expect(left(scene)).toEqual(['theirs']);
  });

  it('works with a state that can not be read', async () => {
    const broken = { listInstances: () => refuse() } as unknown as StateStore;
    const refuse = () => {
      throw new SpuffError('state', 'it is damaged');
    };
    const scene = open({}, broken);
    await scene.make('over');
    scene.runtime.advance(2 * hourMs);
    expect(await scene.outcomes()).toEqual(['over: destroyed, past-deadline']);
    expect(left(scene)).toEqual([]);
  });
});

describe('the clock', () => {
  it('of this computer alone destroys nothing within a day, where the provider has one of its own', async () => {
    const scene = open({ clock: 'its-own' });
    await scene.make('over');
    scene.runtime.advance(24 * hourMs);
    expect(await scene.outcomes()).toEqual(['over: kept, leased']);
    scene.runtime.advance(2 * hourMs);
    expect(await scene.outcomes()).toEqual(['over: destroyed, past-deadline']);
  });
});

describe('a disk that is to be kept', () => {
  it('is kept before the machine goes, under a name that a second run finds', async () => {
    const scene = open();
    const { key } = await scene.make('kept', { onIdle: 'snapshot' });
    scene.runtime.advance(2 * hourMs);
    scene.cloud.failNext('destroy', { kind: 'refused', code: 'conflict' });
    expect(await scene.outcomes()).toEqual(['kept: failed, past-deadline']);
    const [told] = (await scene.reap()).machines;
    expect(told).toMatchObject({ outcome: 'destroyed', snapshot: `kept-${key?.slice(-10)}` });
    expect(scene.cloud.snapshots.map(({ name }) => name)).toEqual([told?.snapshot]);
    expect(scene.state.listReceipts()[0]?.snapshot).toBe(told?.snapshot);
  });

  it('keeps its machine as long as it can not be kept', async () => {
    const scene = open();
    await scene.make('kept', { onIdle: 'snapshot' });
    scene.runtime.advance(2 * hourMs);
    scene.cloud.failNext('snapshots.create', { kind: 'refused', code: 'server' });
    expect(await scene.outcomes()).toEqual(['kept: failed, past-deadline']);
    expect(left(scene)).toEqual(['kept']);
  });
});

describe('an instance of the state', () => {
  it('is forgotten with its host keys, and leaves a receipt by its own price', async () => {
    const scene = open();
    const vm = await scene.make('over');
    const hourly = { amount: '0.5', currency: 'USD', basis: 'net' } as const;
    scene.track(vm, { tariff: { hourly, granularity: 'hour', minSeconds: 3_600 } });
    scene.runtime.advance(90 * 60_000);
    await scene.reap();
    expect(scene.state.listInstances()).toEqual([]);
    expect(scene.forgotten).toEqual([vm.key]);
    expect(scene.state.listReceipts()).toMatchObject([
      { directory: '/projects/elsewhere', cost: { amount: '1', currency: 'USD' } },
    ]);
  });

  it('that a living process is at work on is left to it', async () => {
    const scene = open();
    const vm = await scene.make('over');
    scene.state.beginOperation('snapshot', scene.track(vm).key);
    scene.runtime.advance(2 * hourMs);
    expect(await scene.outcomes()).toEqual(['over: kept, at-work']);
    scene.state.alive = false;
    expect(await scene.outcomes()).toEqual(['over: destroyed, past-deadline']);
  });

  it('whose destruction was interrupted is destroyed, whatever its lease', async () => {
    const scene = open();
    scene.track(await scene.make('half'), { phase: 'destroying' });
    expect(await scene.outcomes()).toEqual(['half: destroyed, interrupted-down']);
    expect(left(scene)).toEqual([]);
  });

  it('that is so new that the list does not show it yet is left alone', async () => {
    const scene = open();
    scene.state.insertInstance(sampleInstance({ createdAt: new Date(scene.runtime.now() - 60_000) }));
    expect(await scene.outcomes()).toEqual([]);
    expect(scene.state.listInstances()).toHaveLength(1);
  });
});

describe('what goes wrong', () => {
  it('with one machine keeps no other alive', async () => {
    const scene = open();
    await scene.make('one');
    await scene.make('two');
    scene.runtime.advance(2 * hourMs);
    scene.cloud.failNext('destroy', { kind: 'refused', code: 'forbidden' });
    expect((await scene.outcomes()).map((line) => line.split(': ')[1]).sort()).toEqual([
      'destroyed, past-deadline',
      'failed, past-deadline',
    ]);
    expect(left(scene)).toHaveLength(1);
    expect(await scene.outcomes()).toHaveLength(1);
    expect(left(scene)).toEqual([]);
  });

  it('is tried again where that may help', async () => {
    const scene = open();
    await scene.make('over');
    scene.runtime.advance(2 * hourMs);
    const refusal = { kind: 'refused', code: 'server', retryable: true } as const;
    scene.cloud.failNext('destroy', refusal, refusal);
    expect(await scene.outcomes()).toEqual(['over: destroyed, past-deadline']);
  });

  it('at a provider is told, with the providers that could be asked', async () => {
    const scene = open();
    scene.cloud.failNext('list', { kind: 'refused', code: 'auth' });
    const { failures, machines } = await scene.reap();
    expect(machines).toEqual([]);
    expect(failures).toMatchObject([{ provider: 'fake', error: { code: 'auth' } }]);
  });
});

describe('two reapers at once', () => {
  it('destroy each machine once, and neither of them takes that for an error', async () => {
    const scene = open();
    for (const name of ['one', 'two', 'three']) await scene.make(name);
    scene.runtime.advance(2 * hourMs);
    const other = makeReapScene(scene.provider, scene.runtime);
    const reports = await Promise.all([scene.reap(), other.reap()]);
    const outcomes = new Set(reports.flatMap(({ machines }) => machines.map(({ outcome }) => outcome)));
    expect(outcomes.has('failed')).toBe(false);
    expect(left(scene)).toEqual([]);
  });

  it('that share a state write one receipt for each', async () => {
    const scene = open();
    for (const name of ['one', 'two', 'three']) await scene.make(name);
    scene.runtime.advance(2 * hourMs);
    await Promise.all([scene.reap(), scene.reap()]);
    expect(scene.state.listReceipts()).toHaveLength(3);
  });
});

describe('a machine that is seen off', () => {
  it('is looked at again, and kept when it is on by then', async () => {
    const scene = open();
    const { id } = await scene.make('rebooting');
    scene.cloud.powerOff(id);
    scene.runtime.advance(10_000);
    const get = scene.provider.get.bind(scene.provider);
    scene.provider.get = async (wanted, call) => {
      const vm = await get(wanted, call);
      return vm && { ...vm, state: 'running' };
    };
    expect(await scene.outcomes()).toEqual(['rebooting: kept, leased']);
    expect(left(scene)).toEqual(['rebooting']);
  });

  it('is kept when its lease is extended between the two looks', async () => {
    const scene = open();
    await scene.make('extended');
    scene.runtime.advance(2 * hourMs);
    const get = scene.provider.get.bind(scene.provider);
    scene.provider.get = async (wanted, call) => {
      const vm = await get(wanted, call);
      return vm && { ...vm, expiresAt: new Date(scene.runtime.now() + hourMs) };
    };
    expect(await scene.outcomes()).toEqual(['extended: kept, leased']);
    expect(left(scene)).toEqual(['extended']);
  });
});
