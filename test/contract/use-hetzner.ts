import { afterAll, afterEach, expect } from 'vitest';
import type { CallOptions, Provider, Vm, VmSpec } from '../../src/domain/provider.ts';
import type { ProviderError } from '../../src/domain/provider-error.ts';
import { type HetznerHarness, makeHetznerHarness } from '../simulators/hetzner/harness.ts';
import type { SimRequest } from '../simulators/sim-server.ts';

/** What the tests that are about Hetzner alone work with. */
interface HetznerBench {
  harness: HetznerHarness;
  provider: Provider;
  within(ms?: number): CallOptions;
  create(spec: VmSpec): Promise<Vm>;
  runningOne(change?: Partial<VmSpec>): Promise<{ spec: VmSpec; vm: Vm }>;
  /** What the simulator was sent since the test began. */
  sent(method: string, path: RegExp): (SimRequest & { status: number | null })[];
}

export const here = ['198.51.100.7/32'];
export const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJk3VhcYs3cXwYY0n9Z1cVhZb5u5l0m5v0yq8m1m9n0r';

/** A provider over a simulator for a whole file; each test finds it empty, and leaves nothing that breaks the description. */
export async function useHetzner(): Promise<HetznerBench> {
  const harness = await makeHetznerHarness();
  const { provider, cloud, sim } = harness;
  const within = (ms = 600_000) => harness.within(ms);
  afterEach(async () => {
    sim.healAll();
    await sim.idle();
    await cloud.clear();
    Object.assign(cloud, { listLagSeconds: 0, fullRegions: [], machineLimit: 1_000, missingScopes: [] });
    sim.requests.length = 0;
    expect(sim.descriptionFaults.splice(0)).toEqual([]);
  });
  afterAll(() => sim.stop());
  return {
    ...{ harness, provider, within },
    create: (spec) => provider.create(spec, within()),
    async runningOne(change) {
      const spec = harness.makeSpec(change);
      const { id } = await provider.create(spec, within());
      return { spec, vm: (await provider.waitFor(id, 'running', within())) as Vm };
    },
    sent: (method, path) => sim.requests.filter((one) => one.method === method && path.test(one.path)),
  };
}

/** What `work` throws. */
export async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const outcome = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(outcome).not.toBeNull();
  return outcome as ProviderError;
}
