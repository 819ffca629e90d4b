import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SnapshotInfo, SnapshotStore, Vm, VmSpec } from '../../src/domain/provider.ts';
import { collect } from './collect.ts';
import { isMoney } from './conformance-facts.ts';
import { expectWellFormed } from './conformance-refusals.ts';
import type { HarnessGetter } from './provider-conformance.ts';

const callMs = 60_000;

/** Snapshots, in the order of the tests. Providers without them have only to say so. */
export function describeSnapshots(get: HarnessGetter): void {
  describe('snapshots', () => {
    let spec: VmSpec;
    let vm: Vm;
    let taken: SnapshotInfo;

    /** The store; throws in tests of providers that have none, which `skip` keeps from running. */
    const store = (): SnapshotStore => {
      const { snapshots } = get().provider;
      if (snapshots) return snapshots;
      throw new Error('this provider has no snapshots');
    };
    const list = () => collect(store().list(get().within(callMs)));

    beforeAll(async () => {
      const { provider, makeSpec, within, machineTimeoutMs } = get();
      spec = makeSpec({ instanceName: 'origin' });
      if (!provider.caps.snapshots) return;
      vm = await provider.create(spec, within(machineTimeoutMs));
      await provider.waitFor(vm.id, 'running', within(machineTimeoutMs));
    });

    afterAll(async () => {
      const { provider, within, machineTimeoutMs } = get();
      if (!provider.caps.snapshots) return;
      await provider.destroy(vm.id, { ...within(machineTimeoutMs), expectKey: spec.key });
    });

    const whereThereAre = (name: string, body: () => Promise<void>) =>
      test(name, async () => {
        expect(get().provider.snapshots !== undefined).toBe(get().provider.caps.snapshots);
        if (get().provider.caps.snapshots) await body();
      });

    whereThereAre('a snapshot says of which instance it is, and is listed', async () => {
      const { within, machineTimeoutMs } = get();
      taken = await store().create(vm.id, 'before the change', {
        ...within(machineTimeoutMs),
        expectKey: spec.key,
      });
      expect(taken).toMatchObject({ name: 'before the change', key: spec.key, instanceName: 'origin' });
      expect(taken.createdAt.getTime()).toBeGreaterThanOrEqual(vm.createdAt.getTime() - 1_000);
      expect((await list()).filter(({ id }) => id === taken.id)).toEqual([taken]);
    });

    whereThereAre('what it costs is told by its size, or not at all', async () => {
      const price = await store().price?.(get().within(callMs));
      if (!price) return;
      expect(taken.billed).toBe(true);
      expect(taken.sizeBytes).toBeGreaterThan(0);
      expect(isMoney(price.monthly)).toBe(true);
      // A gigabyte, by whichever of its definitions.
      expect(price.perBytes / 1e9).toBeCloseTo(1, 0);
    });

    whereThereAre('the machine goes on', async () => {
      const { provider, within } = get();
      await expect(provider.get(vm.id, within(callMs))).resolves.toMatchObject({ state: 'running' });
    });

    whereThereAre(
      'none is taken by the wrong key, of no machine, or under a name that hides something',
      async () => {
        const harness = get();
        const before = await list();
        const options = { ...harness.within(callMs), expectKey: spec.key };
        const attempts: [string, () => Promise<unknown>][] = [
          ['protected', () => store().create(vm.id, 'x', { ...options, expectKey: harness.makeSpec().key })],
          ['not-found', () => store().create('no-such-machine', 'x', options)],
          ['invalid', () => store().create(vm.id, '', options)],
          ['invalid', () => store().create(vm.id, 'a\u001b[2Jb', options)],
          ['invalid', () => store().create(vm.id, 'a\nb', options)],
        ];
        for (const [code, attempt] of attempts) {
          const error = await attempt().catch((thrown: unknown) => thrown);
          expectWellFormed(harness, error);
          expect(error).toMatchObject({ providerCode: code });
        }
        expect(await list()).toEqual(before);
      },
    );

    whereThereAre('a name comes back as it was given', async () => {
      const { within, machineTimeoutMs } = get();
      for (const name of [`it's "$HOME" \`id\` \\ %s`, 'größer ☂']) {
        const made = await store().create(vm.id, name, { ...within(machineTimeoutMs), expectKey: spec.key });
        expect(made.name).toBe(name);
        await store().delete(made.id, within(callMs));
      }
    });

    whereThereAre('a machine made from one is a machine of its own', async () => {
      const { provider, makeSpec, within, machineTimeoutMs } = get();
      const copy = makeSpec({ instanceName: 'copy', image: { kind: 'id', id: taken.id } });
      const made = await provider.create(copy, within(machineTimeoutMs));
      const running = await provider.waitFor(made.id, 'running', within(machineTimeoutMs));
      expect(running).toMatchObject({ key: copy.key, instanceName: 'copy', name: copy.name });
      expect(running?.id).not.toBe(vm.id);
      const error = await provider
        .destroy(made.id, { ...within(callMs), expectKey: spec.key })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ providerCode: 'protected' });
      await provider.destroy(made.id, { ...within(machineTimeoutMs), expectKey: copy.key });
    });

    whereThereAre('a snapshot is no leftover', async () => {
      const { provider, within } = get();
      const left = await collect(provider.leftovers(null, within(callMs)));
      expect(left.filter(({ id }) => id === taken.id)).toEqual([]);
    });

    whereThereAre('it is gone when it was deleted, and deleting it again is success', async () => {
      const { within } = get();
      await store().delete(taken.id, within(callMs));
      expect((await list()).filter(({ id }) => id === taken.id)).toEqual([]);
      await expect(store().delete(taken.id, within(callMs))).resolves.toBeUndefined();
    });
  });
}
