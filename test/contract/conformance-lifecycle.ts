import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Provider, Vm, VmSpec } from '../../src/domain/provider.ts';
import { collect } from './collect.ts';
import { expectWellFormed } from './conformance-refusals.ts';
import type { HarnessGetter } from './provider-conformance.ts';

const callMs = 60_000;

/** One machine from its making to its end, in the order of the tests; each goes on from where the one before it stopped. */
export function describeLifecycle(get: HarnessGetter): void {
  describe('a machine', () => {
    let spec: VmSpec;
    let vm: Vm;

    beforeAll(async () => {
      const { provider, makeSpec, within, machineTimeoutMs } = get();
      spec = makeSpec({ instanceName: 'life', owner: 'somebody' });
      vm = await provider.create(spec, within(machineTimeoutMs));
    });

    test('is what was asked for', () => {
      const { provider } = get();
      expect(vm).toMatchObject({
        key: spec.key,
        name: spec.name,
        instanceName: 'life',
        region: spec.region,
        size: spec.size,
      });
      expect(vm.id).not.toBe('');
      expect(['provisioning', 'running']).toContain(vm.state);
      expect(vm.rawState).not.toBe('');
      expect(seconds(vm.expiresAt)).toBe(seconds(spec.expiresAt));
      expect(Object.values(vm.labels)).toContain('somebody');
      expect(vm.billed).toBe(provider.caps.billing !== null);
    });

    test('is made once, however often it is asked for with its key', async () => {
      const { provider, within, machineTimeoutMs } = get();
      const again = await provider.create(spec, within(machineTimeoutMs));
      expect(again.id).toBe(vm.id);
      const many = await Promise.all([1, 2, 3, 4].map(() => provider.create(spec, within(machineTimeoutMs))));
      expect(new Set(many.map(({ id }) => id))).toEqual(new Set([vm.id]));
    });

    test('is made once, when four ask for it at the same time', async () => {
      const { provider, makeSpec, within, machineTimeoutMs } = get();
      const rival = makeSpec();
      const made = await Promise.all(
        [1, 2, 3, 4].map(() => provider.create(rival, within(machineTimeoutMs))),
      );
      const [first] = made;
      expect(new Set(made.map(({ id }) => id)).size).toBe(1);
      const listed = await listAfterLag(provider, get);
      expect(listed.filter(({ key }) => key === rival.key)).toHaveLength(1);
      await provider.destroy(first?.id ?? '', { ...within(machineTimeoutMs), expectKey: rival.key });
    });

    test('runs, and has an address to dial', async () => {
      const { provider, within, machineTimeoutMs } = get();
      const running = await provider.waitFor(vm.id, 'running', within(machineTimeoutMs));
      expect(running).toMatchObject({ id: vm.id, key: spec.key, state: 'running' });
      expect(running?.ssh?.host).toMatch(/./);
      expect(running?.ssh?.port).toBeGreaterThan(0);
      expect(running?.ipv4 ?? running?.ipv6).not.toBeNull();
    });

    test('is the same by id, by key and in the list', async () => {
      const { provider, within } = get();
      const byId = await provider.get(vm.id, within(callMs));
      const byKey = await provider.find(spec.key, within(callMs));
      const listed = (await listAfterLag(provider, get)).filter(({ key }) => key === spec.key);
      expect(byId).toMatchObject({ id: vm.id, name: spec.name, instanceName: 'life', state: 'running' });
      expect(byKey).toEqual(byId);
      expect(listed).toEqual([byId]);
      expect(seconds(byId?.expiresAt ?? null)).toBe(seconds(spec.expiresAt));
    });

    test('is not left over while it lives', async () => {
      const { provider, within } = get();
      const all = await collect(provider.leftovers(null, within(callMs)));
      expect(all.filter(({ id }) => id === vm.id)).toEqual([]);
    });

    test('stays when it is to be destroyed by the wrong key', async () => {
      const harness = get();
      const { key: expectKey } = harness.makeSpec();
      const error = await harness.provider
        .destroy(vm.id, { ...harness.within(callMs), expectKey })
        .catch(same);
      expectWellFormed(harness, error);
      expect(error).toMatchObject({ providerCode: 'protected', info: { op: 'destroy', retryable: false } });
      await expect(harness.provider.get(vm.id, harness.within(callMs))).resolves.toMatchObject({
        state: 'running',
      });
    });

    test('that powers itself off is stopped, or gone where that deletes it', async () => {
      const { provider, within, machineTimeoutMs, powerOff } = get();
      await powerOff(vm);
      if (provider.caps.guestPoweroff === 'deletes') {
        await expect(provider.waitFor(vm.id, 'gone', within(machineTimeoutMs))).resolves.toBeNull();
      } else {
        const stopped = await provider.waitFor(vm.id, 'stopped', within(machineTimeoutMs));
        expect(stopped).toMatchObject({ id: vm.id, state: 'stopped', key: spec.key });
      }
    });

    test('is gone when destroy says so, and destroying it again is success', async () => {
      const { provider, within, machineTimeoutMs } = get();
      const options = { ...within(machineTimeoutMs), expectKey: spec.key };
      await provider.destroy(vm.id, options);
      await expect(provider.get(vm.id, within(callMs))).resolves.toBeNull();
      await expect(provider.find(spec.key, within(callMs))).resolves.toBeNull();
      expect((await collect(provider.list(within(callMs)))).filter(({ key }) => key === spec.key)).toEqual(
        [],
      );
      await expect(provider.destroy(vm.id, options)).resolves.toBeUndefined();
      await expect(provider.waitFor(vm.id, 'gone', within(callMs))).resolves.toBeNull();
    });

    test('leaves nothing behind', async () => {
      const { provider, within } = get();
      expect(await collect(provider.leftovers(spec.key, within(callMs)))).toEqual([]);
    });

    afterAll(async () => {
      const { provider, within, machineTimeoutMs } = get();
      const left = await provider.find(spec.key, within(callMs));
      if (left) await provider.destroy(left.id, { ...within(machineTimeoutMs), expectKey: spec.key });
    });
  });

  describe('machines side by side', () => {
    test('are told apart, and one can go without the other', async () => {
      const { provider, makeSpec, within, machineTimeoutMs } = get();
      const specs = [makeSpec({ instanceName: 'one' }), makeSpec({ instanceName: 'two', expiresAt: null })];
      const made = await Promise.all(specs.map((spec) => provider.create(spec, within(machineTimeoutMs))));
      const listed = await listAfterLag(provider, get);
      for (const [at, spec] of specs.entries()) {
        const found = listed.filter(({ key }) => key === spec.key);
        expect(found.map(({ id, instanceName }) => ({ id, instanceName }))).toEqual([
          { id: made[at]?.id, instanceName: spec.instanceName },
        ]);
        expect(seconds(found[0]?.expiresAt ?? null)).toBe(seconds(spec.expiresAt));
      }
      const [first, second] = made;
      await provider.destroy(first?.id ?? '', {
        ...within(machineTimeoutMs),
        expectKey: specs[0]?.key as never,
      });
      await expect(provider.get(second?.id ?? '', within(callMs))).resolves.toMatchObject({
        instanceName: 'two',
      });
      await provider.destroy(second?.id ?? '', {
        ...within(machineTimeoutMs),
        expectKey: specs[1]?.key as never,
      });
    });
  });
}

/** The list, once what was just made must be in it. */
async function listAfterLag(provider: Provider, get: HarnessGetter): Promise<Vm[]> {
  const { within, letPass } = get();
  await letPass(provider.caps.listLagSeconds * 1_000);
  return collect(provider.list(within(callMs)));
}

function seconds(date: Date | null): number | null {
  return date && Math.floor(date.getTime() / 1_000);
}

function same(error: unknown): unknown {
  return error;
}
