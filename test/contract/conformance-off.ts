import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Provider, Vm, VmSpec } from '../../src/domain/provider.ts';
import { collect } from './collect.ts';
import { expectWellFormed } from './conformance-refusals.ts';
import type { HarnessGetter } from './provider-conformance.ts';

const callMs = 60_000;

/** The end of a lease at the provider, and what it knows of a machine that is off: all that a reaper goes by. */
export function describeOffAndExpiry(get: HarnessGetter): void {
  describe('the end of a lease', () => {
    const machine = useMachine(get, {});

    test('is moved later, earlier, away and back, as every way to look at the machine shows', async () => {
      const { provider, within } = get();
      const { vm, spec } = machine();
      const setAtMs = spec.expiresAt?.getTime() ?? 0;
      for (const expiresAt of [
        new Date(setAtMs + 7_200_000),
        new Date(setAtMs - 60_000),
        null,
        spec.expiresAt,
      ]) {
        await provider.setExpiry(vm.id, expiresAt, { ...within(callMs), expectKey: spec.key });
        const listed = (await collect(provider.list(within(callMs)))).find(({ key }) => key === spec.key);
        const all = [
          await provider.get(vm.id, within(callMs)),
          await provider.find(spec.key, within(callMs)),
          await provider.waitFor(vm.id, 'running', within(callMs)),
          listed,
        ];
        expect(all.map((one) => one?.expiresAt?.getTime() ?? null)).toEqual(
          all.map(() => expiresAt?.getTime() ?? null),
        );
        expect(all.every((one) => one?.key === spec.key && one.instanceName === 'moved')).toBe(true);
      }
    });

    test('is not moved by the wrong key, nor where there is no machine', async () => {
      const harness = get();
      const { provider, within, makeSpec } = harness;
      const { vm, spec } = machine();
      const { key: expectKey } = makeSpec();
      const options = { ...within(callMs), expectKey };
      const error = await provider.setExpiry(vm.id, null, options).catch(same);
      expectWellFormed(harness, error);
      expect(error).toMatchObject({ providerCode: 'protected', info: { op: 'setExpiry', retryable: false } });
      expect((await provider.get(vm.id, within(callMs)))?.expiresAt).toEqual(spec.expiresAt);
      const nowhere = await provider.setExpiry('no-such-machine', null, options).catch(same);
      expectWellFormed(harness, nowhere);
      expect(nowhere).toMatchObject({ providerCode: 'not-found', info: { op: 'setExpiry' } });
    });

    test('tells nothing about why a machine that runs would be off', async () => {
      const { provider, within } = get();
      expect(await provider.whyOff?.(machine().vm.id, within(callMs))).toBe('unknown');
      expect(await provider.whyOff?.('no-such-machine', within(callMs))).toBe('unknown');
    });
  });

  describe('a machine whose disk is to be kept', () => {
    const machine = useMachine(get, { onIdle: 'snapshot' });

    test('says so, is off when it has switched itself off, and that it did', async () => {
      const { provider, within, machineTimeoutMs, powerOff } = get();
      const { vm } = machine();
      expect(vm.onIdle).toBe('snapshot');
      await powerOff(vm);
      const stopped = await provider.waitFor(vm.id, 'stopped', within(machineTimeoutMs));
      expect(stopped).toMatchObject({ id: vm.id, state: 'stopped', onIdle: 'snapshot' });
      expect(await provider.whyOff?.(vm.id, within(callMs))).toBe('guest');
    });

    test('can be given another end while it is off', async () => {
      const { provider, within } = get();
      const { vm, spec } = machine();
      const expiresAt = new Date((spec.expiresAt?.getTime() ?? 0) + 3_600_000);
      await provider.setExpiry(vm.id, expiresAt, { ...within(callMs), expectKey: spec.key });
      expect(await provider.get(vm.id, within(callMs))).toMatchObject({ expiresAt, state: 'stopped' });
      expect(await provider.whyOff?.(vm.id, within(callMs))).toBe('guest');
    });
  });

  describe('a machine that is switched off through the provider', () => {
    const machine = useMachine(get, {});

    test('is off because somebody wanted that', async () => {
      const { provider, within, machineTimeoutMs, stopFromOutside } = get();
      const { vm } = machine();
      expect(vm.onIdle).toBe('destroy');
      await stopFromOutside(vm);
      await provider.waitFor(vm.id, 'stopped', within(machineTimeoutMs));
      expect(await provider.whyOff?.(vm.id, within(callMs))).toBe('owner');
    });
  });
}

/** A machine that runs, for the tests of one group; it goes at their end. */
function useMachine(get: HarnessGetter, change: Partial<VmSpec>): () => { vm: Vm; spec: VmSpec } {
  let made: { vm: Vm; spec: VmSpec } | undefined;
  beforeAll(async () => {
    const { provider, makeSpec, within, machineTimeoutMs, letPass } = get();
    const spec = makeSpec({ instanceName: 'moved', ...change });
    const { id } = await provider.create(spec, within(machineTimeoutMs));
    const vm = await provider.waitFor(id, 'running', within(machineTimeoutMs));
    await letPass(provider.caps.listLagSeconds * 1_000);
    made = { vm: vm as Vm, spec };
  });
  afterAll(async () => {
    const { provider, within, machineTimeoutMs } = get();
    if (made) await endOf(provider, made.vm.id, { ...within(machineTimeoutMs), expectKey: made.spec.key });
  });
  return () => {
    if (made) return made;
    throw new Error('the machine is not made yet');
  };
}

async function endOf(
  provider: Provider,
  id: string,
  options: Parameters<Provider['destroy']>[1],
): Promise<void> {
  await provider.destroy(id, options);
}

function same(error: unknown): unknown {
  return error;
}
