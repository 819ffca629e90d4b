/**
 * The contract where it is about the line to a cloud: lost answers, death at each request, pages, limits, refusals. Run
 * over every cloud's simulator, besides the suite that all providers pass.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Provider, VmSpec } from '../../src/domain/provider.ts';
import type { CloudHarness } from './cloud-harness.ts';
import { describeLineFaults } from './cloud-line.ts';
import { collect } from './collect.ts';

export type CloudGetter = () => CloudHarness;

const callMs = 600_000;

/** Declares the whole suite. `makeHarness` runs once; each test leaves the cloud empty. */
export function describeCloudConformance(name: string, makeHarness: () => Promise<CloudHarness>): void {
  describe(`cloud conformance: ${name}`, () => {
    let harness: CloudHarness | undefined;
    const get: CloudGetter = () => {
      if (harness) return harness;
      throw new Error('the harness is not made yet');
    };
    beforeAll(async () => {
      harness = await makeHarness();
    });
    afterEach(async () => {
      const { sim, cloud } = get();
      sim.healAll();
      await sim.idle();
      const faults = sim.descriptionFaults.splice(0);
      await cloud.clear();
      Object.assign(cloud, {
        listLagSeconds: 0,
        fullRegions: [],
        failNextPlacement: false,
        machineLimit: 1_000,
        missingScopes: [],
      });
      expect(faults).toEqual([]);
    });
    afterAll(async () => {
      await harness?.cleanUp();
      await harness?.sim.stop();
    });
    describeLineFaults(get);
    describeRefusalsOfClouds(get);
    describeLists(get);
    describeFirewalls(get);
  });
}

/** Destroys and removes what is left, as `spuff down` does. */
export async function removeAll(provider: Provider, spec: VmSpec, harness: CloudHarness): Promise<void> {
  const options = harness.within(callMs);
  const vm = await provider.find(spec.key, options);
  if (vm) await provider.destroy(vm.id, { ...options, expectKey: spec.key });
  for await (const leftover of provider.leftovers(spec.key, options))
    await provider.removeLeftover(leftover, options);
}

function describeRefusalsOfClouds(get: CloudGetter): void {
  /** The error of an order that is refused, once it has been seen that nothing is left of it. */
  const refusalOf = async (): Promise<unknown> => {
    const { provider, makeSpec, within, cloud } = get();
    const spec = makeSpec();
    const error = await provider.create(spec, within(callMs)).catch((thrown: unknown) => thrown);
    expect(cloud.machineIds()).toEqual([]);
    await removeAll(provider, spec, get());
    expect(cloud.inventory()).toEqual({});
    return error;
  };

  describe('a machine that can not be had', () => {
    test('for lack of room in the region is a lack of capacity, and leaves nothing', async () => {
      get().cloud.fullRegions = [get().makeSpec().region];
      expect(await refusalOf()).toMatchObject({ providerCode: 'capacity' });
    });

    test('because the account has as many as it may is a quota', async () => {
      get().cloud.machineLimit = 0;
      expect(await refusalOf()).toMatchObject({ providerCode: 'quota' });
    });

    test('that is accepted and then fails is told, and can be removed', async () => {
      const { provider, makeSpec, within, cloud, machineTimeoutMs } = get();
      const spec = makeSpec();
      cloud.failNextPlacement = true;
      const vm = await provider.create(spec, within(callMs));
      const waiting = provider.waitFor(vm.id, 'running', within(machineTimeoutMs));
      await expect(waiting).rejects.toMatchObject({
        providerCode: expect.stringMatching(/^(?:action-failed|not-found)$/),
      });
      await removeAll(provider, spec, get());
      expect(cloud.inventory()).toEqual({});
    });

    test('is made with user data at the limit, and not asked for with a byte more', async () => {
      const { provider, makeSpec, within, sim, cloud } = get();
      const userData = `#cloud-config\n{}${' '.repeat(provider.caps.maxUserDataBytes - 16)}`;
      const fitting = makeSpec({ userData });
      await provider.create(fitting, within(callMs));
      expect(cloud.machineIds()).toHaveLength(1);
      await removeAll(provider, fitting, get());
      const before = sim.requests.length;
      const over = provider.create(makeSpec({ userData: `${userData} ` }), within(callMs));
      await expect(over).rejects.toMatchObject({
        providerCode: 'invalid',
        message: expect.stringContaining(String(userData.length + 1)),
      });
      expect(sim.requests.length).toBe(before);
    });
  });

  describe('a token', () => {
    test('that the cloud does not know is refused with a way to mend it, and never shown', async () => {
      const { openWithWrongToken, makeSpec, within, cloud } = get();
      const provider = openWithWrongToken();
      for (const call of [
        () => provider.checkAccess(within(callMs)),
        () => provider.create(makeSpec(), within(callMs)),
      ]) {
        const error = await call().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ providerCode: 'auth', code: 'auth', info: { retryable: false } });
        expect((error as { hints: string[] }).hints.length).toBeGreaterThan(0);
        expect(JSON.stringify([String(error), (error as { hints: string[] }).hints])).not.toMatch(
          /wrong[-_]?token|[A-Za-z0-9]{40}/,
        );
      }
      expect(cloud.machineIds()).toEqual([]);
    });

    test('that lacks a scope is told apart, and the scope is named', async () => {
      const { provider, within, cloud } = get();
      expect((await provider.checkAccess(within(callMs))).missing).toEqual([]);
      const [scope] = missingScopeOf(get());
      cloud.missingScopes = [scope];
      expect((await provider.checkAccess(within(callMs))).missing.join()).toContain(scope);
    });
  });
}

/** One that the cloud's own words name; each cloud has at least one that its simulator can take away. */
function missingScopeOf({ scopes }: CloudHarness): [string] {
  return [scopes[0]];
}

function describeLists(get: CloudGetter): void {
  describe('a list', () => {
    test('of more than three pages is whole, and names nothing twice', async () => {
      const { provider, within, cloud } = get();
      await cloud.plantOurs(650);
      const all = await collect(provider.list(within(callMs)));
      expect(new Set(all.map(({ id }) => id)).size).toBe(650);
      expect(all).toHaveLength(650);
      expect(all.every(({ key }) => key !== null)).toBe(true);
    });

    test('leaves out what is not spuff’s, whatever its name', async () => {
      const { provider, makeSpec, within, cloud } = get();
      const spec = makeSpec();
      const foreign = await cloud.plantForeign(spec.name);
      expect(await collect(provider.list(within(callMs)))).toEqual([]);
      expect(await provider.find(spec.key, within(callMs))).toBeNull();
      const destroying = provider.destroy(foreign, { ...within(callMs), expectKey: spec.key });
      await expect(destroying).rejects.toMatchObject({ providerCode: 'protected' });
      const made = await provider.create(spec, within(callMs)).catch((error: unknown) => error);
      expect(made).not.toMatchObject({ id: foreign });
      await removeAll(provider, spec, get());
      expect(cloud.machineIds()).toEqual([foreign]);
    });
  });

  test('prices are exact decimals', async () => {
    const { provider, within } = get();
    const { sizes } = await provider.catalog(within(callMs));
    const prices = sizes.flatMap(({ hourly }) => (hourly === null ? [] : [hourly.amount]));
    if (provider.caps.prices === 'api') expect(prices.length).toBeGreaterThan(0);
    for (const price of prices) expect(price).toMatch(/^\d{1,4}(?:\.\d{1,6})?$/);
  });
}

function describeFirewalls(get: CloudGetter): void {
  describe('the firewall of a machine', () => {
    test('lets in who is named, can be changed and closed, and goes with the machine', async () => {
      const { provider, makeSpec, within, cloud } = get();
      const firewall = provider.firewall;
      expect(provider.caps.firewall).not.toBe('none');
      const spec = makeSpec({ firewall: { allowSshFrom: ['198.51.100.7/32'] } });
      await provider.create(spec, within(callMs));
      expect(await firewall?.show(spec.key, within(callMs))).toEqual(['198.51.100.7/32']);
      const two = ['198.51.100.9/32', '2001:db8::/64'];
      await firewall?.set(spec.key, two, within(callMs));
      expect([...((await firewall?.show(spec.key, within(callMs))) ?? [])].sort()).toEqual(two.sort());
      await firewall?.set(spec.key, [], within(callMs));
      expect(await firewall?.show(spec.key, within(callMs))).toEqual([]);
      await removeAll(provider, spec, get());
      expect(cloud.inventory()).toEqual({});
    });

    test('of one that is not there is not there either', async () => {
      const { provider, makeSpec, within } = get();
      const { key } = makeSpec();
      expect(await provider.firewall?.show(key, within(callMs))).toBeNull();
      await expect(provider.firewall?.set(key, [], within(callMs))).rejects.toMatchObject({
        providerCode: 'not-found',
      });
    });
  });
}
