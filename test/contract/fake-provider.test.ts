import { describe, expect, test } from 'vitest';
import type { Capabilities } from '../../src/domain/provider.ts';
import { makeSpec } from '../machine/lab.ts';
import { createFakeRuntime } from './fake-cloud.ts';
import { createFakeProvider } from './fake-provider.ts';
import { type ConformanceHarness, describeProviderConformance } from './provider-conformance.ts';

/** Clouds that differ in what the contract lets them differ in. */
const clouds: Record<string, Partial<Capabilities>> = {
  'with unique names': {},
  'with replay tokens, where a power-off deletes': { idempotentCreate: 'token', guestPoweroff: 'deletes' },
  'whose list lags': { listLagSeconds: 20 },
  'without snapshots and without a bill': { snapshots: false, billing: null, prices: 'none' },
};

for (const [name, caps] of Object.entries(clouds)) {
  describeProviderConformance(`a cloud in memory ${name}`, async () => makeHarness(caps));
}

function makeHarness(
  caps: Partial<Capabilities>,
): ConformanceHarness & { provider: ReturnType<typeof createFakeProvider> } {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({ runtime, caps });
  return {
    provider,
    makeSpec: (change) => makeSpec({ region: 'here', size: 'small', ...change }),
    within: (timeoutMs, change) => ({
      signal: new AbortController().signal,
      deadline: new Date(runtime.now() + timeoutMs),
      ...change,
    }),
    machineTimeoutMs: 60_000,
    letPass: async (ms) => runtime.advance(ms),
    powerOff: async (vm) => provider.cloud.powerOff(vm.id),
    stopFromOutside: async (vm) => provider.cloud.stop(vm.id),
    cleanUp: async () => {
      expect(provider.cloud.machines).toEqual([]);
      expect(provider.cloud.snapshots).toEqual([]);
    },
  };
}

describe('an answer that is lost', () => {
  test('does not make a second machine', async () => {
    const { provider, makeSpec: spec, within } = makeHarness({ listLagSeconds: 20 });
    provider.cloud.failNext('create', { kind: 'answer-lost' });
    const vm = await provider.create(spec(), within(120_000));
    expect(provider.cloud.machines.map(({ id }) => id)).toEqual([vm.id]);
  });

  test('is looked up for as long as the list may lag, where nothing protects from a replay', async () => {
    const {
      provider,
      makeSpec: spec,
      within,
    } = makeHarness({ idempotentCreate: 'none', listLagSeconds: 20 });
    provider.cloud.failNext('create', { kind: 'answer-lost' });
    const vm = await provider.create(spec(), within(120_000));
    expect(provider.cloud.machines.map(({ id }) => id)).toEqual([vm.id]);
  });

  test('is told as ambiguous where nothing protects from a replay and the machine never shows', async () => {
    const {
      provider,
      makeSpec: spec,
      within,
    } = makeHarness({ idempotentCreate: 'none', listLagSeconds: 20 });
    provider.cloud.failNext('create', { kind: 'request-lost' });
    await expect(provider.create(spec(), within(120_000))).rejects.toMatchObject({
      providerCode: 'ambiguous',
    });
    expect(provider.cloud.machines).toEqual([]);
  });
});
