import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallOptions, Provider, Vm, VmSpec } from '../../src/domain/provider.ts';
import { collect } from './collect.ts';
import { expectWellFormed } from './conformance-refusals.ts';
import type { HarnessGetter } from './provider-conformance.ts';

/** Every call of the port, by its name, on things that may or may not be there. */
function everyCall(
  provider: Provider,
  spec: VmSpec,
  id: string,
): Record<string, (options: CallOptions) => Promise<unknown>> {
  const { snapshots, images } = provider;
  const owned = (options: CallOptions) => ({ ...options, expectKey: spec.key });
  return {
    checkAccess: (options) => provider.checkAccess(options),
    catalog: (options) => provider.catalog(options),
    create: (options) => provider.create(spec, options),
    find: (options) => provider.find(spec.key, options),
    get: (options) => provider.get(id, options),
    list: (options) => collect(provider.list(options)),
    waitFor: (options) => provider.waitFor(id, 'stopped', options),
    destroy: (options) => provider.destroy(id, owned(options)),
    leftovers: (options) => collect(provider.leftovers(null, options)),
    ...(snapshots && {
      'snapshots.create': (options) => snapshots.create(id, 'name', owned(options)),
      'snapshots.list': (options) => collect(snapshots.list(options)),
    }),
    ...(images && {
      'images.list': (options) => images.list(options),
      'images.build': (options) => images.build(options),
    }),
  };
}

/** How calls end before they are done: by the caller's signal and by the deadline. */
export function describeCallEnds(get: HarnessGetter): void {
  describe('the end of a call', () => {
    let vm: Vm;
    let spec: VmSpec;

    beforeAll(async () => {
      const { provider, makeSpec, within, machineTimeoutMs } = get();
      spec = makeSpec();
      vm = await provider.create(spec, within(machineTimeoutMs));
      await provider.waitFor(vm.id, 'running', within(machineTimeoutMs));
    });

    afterAll(async () => {
      const { provider, within, machineTimeoutMs } = get();
      await provider.destroy(vm.id, { ...within(machineTimeoutMs), expectKey: spec.key });
    });

    test('a call with a signal that was aborted before makes no request', async () => {
      const { provider, within } = get();
      const stopped = AbortSignal.abort(new Error('stopped by the test'));
      const calls = everyCall(provider, spec, vm.id);
      for (const [name, call] of Object.entries(calls)) {
        let requests = 0;
        const options = within(60_000, {
          signal: stopped,
          onRequest: () => {
            requests += 1;
          },
        });
        await expect(call(options), name).rejects.toThrow();
        expect(requests, name).toBe(0);
      }
      await expect(provider.get(vm.id, within(60_000))).resolves.toMatchObject({ id: vm.id });
    });

    test('a call whose deadline has passed is a time-out and makes no request', async () => {
      const harness = get();
      for (const [name, call] of Object.entries(everyCall(harness.provider, spec, vm.id))) {
        let requests = 0;
        const options = harness.within(-1, {
          onRequest: () => {
            requests += 1;
          },
        });
        const error = await call(options).catch((thrown: unknown) => thrown);
        expectWellFormed(harness, error);
        expect(error, name).toMatchObject({ providerCode: 'timeout', code: 'timeout' });
        expect(requests, name).toBe(0);
      }
      await expect(harness.provider.get(vm.id, harness.within(60_000))).resolves.toMatchObject({ id: vm.id });
    });

    test('an abort ends a wait whose deadline is far', { timeout: 10_000 }, async () => {
      const { provider, within } = get();
      const controller = new AbortController();
      const reason = new Error('stopped by the test');
      let requests = 0;
      const options = within(3_600_000, {
        signal: controller.signal,
        onRequest: () => {
          requests += 1;
          if (requests === 3) controller.abort(reason);
        },
      });
      const error = await provider.waitFor(vm.id, 'stopped', options).catch((thrown: unknown) => thrown);
      expect([error, (error as Error).cause]).toContain(reason);
    });

    test('a wait ends at its deadline with a time-out', { timeout: 10_000 }, async () => {
      const harness = get();
      const error = await harness.provider
        .waitFor(vm.id, 'gone', harness.within(700))
        .catch((thrown: unknown) => thrown);
      expectWellFormed(harness, error);
      expect(error).toMatchObject({ providerCode: 'timeout' });
    });

    test('each request is told, with its method and address', async () => {
      const { provider, within } = get();
      const seen: { method: string; url: string }[] = [];
      await provider.get(vm.id, within(60_000, { onRequest: (request) => void seen.push(request) }));
      expect(seen.length).toBeGreaterThan(0);
      for (const { method, url } of seen) {
        expect(method).toMatch(/^[A-Z]+$/);
        expect(url).not.toBe('');
      }
    });
  });
}
