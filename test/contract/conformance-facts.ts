import { describe, expect, test } from 'vitest';
import type { Capabilities, Money } from '../../src/domain/provider.ts';
import type { HarnessGetter } from './provider-conformance.ts';

const callMs = 60_000;

/** What a provider says of itself, and whether it is so. */
export function describeFacts(get: HarnessGetter): void {
  describe('facts', () => {
    test('capabilities make sense and match what is there', () => {
      const { provider } = get();
      const { caps } = provider;
      expect(provider.snapshots !== undefined).toBe(caps.snapshots);
      expect(caps.maxUserDataBytes).toBeGreaterThanOrEqual(16_384);
      expect(caps.listLagSeconds).toBeGreaterThanOrEqual(0);
      expect(caps.listLagSeconds).toBeLessThan(600);
      expect(timesMakeSense(caps)).toBe(true);
      for (const limit of Object.values(caps.rateLimit)) expect(limit).toBeGreaterThan(0);
      if (caps.billing?.minCharge) expect(isMoney(caps.billing.minCharge)).toBe(true);
    });

    test('access is complete and the account has a name', async () => {
      const { provider, within } = get();
      const access = await provider.checkAccess(within(callMs));
      expect(access.account).not.toBe('');
      expect(access.missing).toEqual([]);
    });

    test('the catalogue is sound', async () => {
      const { provider, within } = get();
      const { regions, sizes, images } = await provider.catalog(within(callMs));
      for (const list of [regions, sizes]) {
        expect(list.length).toBeGreaterThan(0);
        expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
      }
      const regionIds = new Set(regions.map(({ id }) => id));
      for (const size of sizes) {
        expect(size.vcpus).toBeGreaterThan(0);
        expect(size.memoryMiB).toBeGreaterThan(0);
        for (const { id } of size.regions) expect(regionIds).toContain(id);
        expect(size.hourly === null || isMoney(size.hourly)).toBe(true);
        if (provider.caps.prices === 'api') expect(size.hourly).not.toBeNull();
        if (provider.caps.billing === null) expect(size.hourly).toBeNull();
      }
      for (const image of images) expect(image.name).not.toBe('');
    });

    test('the defaults are in the catalogue', async () => {
      const { provider, within } = get();
      const { regions, sizes, images } = await provider.catalog(within(callMs));
      const { region, size, image } = provider.defaults;
      expect(regions.filter(({ available }) => available).map(({ id }) => id)).toContain(region);
      const offered = sizes.filter((one) =>
        one.regions.some(({ id, available }) => id === region && available),
      );
      expect(offered.map(({ id }) => id)).toContain(size);
      expect(images.map(({ ref }) => ref)).toContainEqual(image);
    });

    test('a plan is pure: no requests, no changes, the same each time, plain data', () => {
      const { provider, makeSpec } = get();
      const spec = deepFreeze(makeSpec());
      const before = JSON.stringify(spec);
      const plan = provider.plan(spec);
      expect(plan).toEqual(provider.plan(spec));
      expect(JSON.stringify(spec)).toBe(before);
      expect(plan.requests.length).toBeGreaterThan(0);
      expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
      // Whatever the requests look like, they are for this machine.
      expect(JSON.stringify(plan.requests)).toContain(spec.key);
      expect(JSON.stringify(plan.requests)).toContain(spec.instanceName);
      if (provider.caps.billing === null) expect(plan.hourly).toBeNull();
    });

    test('where there are images to build, a second build is answered from the first', async () => {
      const { provider, within } = get();
      if (!provider.images) {
        expect(provider.images).toBeUndefined();
        return;
      }
      const lines: string[] = [];
      const built = await provider.images.build({
        ...within(1_200_000),
        onLine: (line) => void lines.push(line),
      });
      expect(built.cached).toBe(true);
      expect(lines).toEqual([]);
      expect((await provider.images.list(within(callMs))).map(({ ref }) => ref)).toContainEqual(
        built.image.ref,
      );
    });
  });
}

function timesMakeSense({ nativeTtl }: Capabilities): boolean {
  return nativeTtl === false || (nativeTtl.minSeconds > 0 && nativeTtl.minSeconds < nativeTtl.maxSeconds);
}

export function isMoney({ amount, currency }: Money): boolean {
  return /^\d+(?:\.\d+)?$/.test(amount) && /^[A-Z]{3}$/.test(currency);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
