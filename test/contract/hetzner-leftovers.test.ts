/** What outlives a machine at Hetzner, and the firewall before it. */
import { describe, expect, test } from 'vitest';
import type { Leftover } from '../../src/domain/provider.ts';
import type { SimPossession } from '../simulators/hetzner/state.ts';
import { collect } from './collect.ts';
import { failureOf, here, useHetzner } from './use-hetzner.ts';

const { harness, provider, within, runningOne, sent } = await useHetzner();

describe('leftovers', () => {
  function plant(
    kind: SimPossession['kind'],
    labels: Record<string, string>,
    serverId: number | null = null,
  ): string {
    const { state } = harness.cloud;
    const id = state.nextId();
    const named = { id, kind, name: `planted-${id}`, labels, serverId, createdMs: 0, autoDelete: false };
    state.possessions.set(id, { ...named, ip: '203.0.113.200' });
    return String(id);
  }

  test('are volumes and addresses of the key, once the machine is gone', async () => {
    const { vm, spec } = await runningOne({ firewall: { allowSshFrom: here } });
    const labels = { 'spuff.kind': 'volume', 'spuff.key': spec.key };
    const [volume, ip] = [plant('volume', labels, Number(vm.id)), plant('ipv4', labels, Number(vm.id))];
    const [mine, other] = [
      plant('volume', {}),
      plant('volume', { ...labels, 'spuff.key': harness.makeSpec().key }),
    ];
    expect(await collect(provider.leftovers(spec.key, within()))).toEqual([]);
    await provider.destroy(vm.id, { ...within(), expectKey: spec.key });
    const left = await collect(provider.leftovers(spec.key, within()));
    expect(left.map(({ kind, billed }) => [kind, billed])).toEqual([
      ['firewall', false],
      ['volume', true],
      ['ip', true],
    ]);
    expect(left.map(({ id }) => id).slice(1)).toEqual([volume, ip]);
    for (const leftover of left) await provider.removeLeftover(leftover, within());
    expect(await collect(provider.leftovers(spec.key, within()))).toEqual([]);
    expect(harness.cloud.inventory()).toEqual({ volume: [mine, other] });
    expect((await collect(provider.leftovers(null, within()))).map(({ id }) => id)).toEqual([other]);
  });

  test('that are not of the key they are to be removed by stay', async () => {
    const { key } = harness.makeSpec();
    const mine = plant('volume', {});
    const other = plant('ipv4', { 'spuff.kind': 'ip', 'spuff.key': harness.makeSpec().key });
    for (const [kind, id] of [
      ['volume', mine],
      ['ip', other],
    ] as const) {
      const leftover: Leftover = { kind, id, name: '', key, billed: true };
      expect(await failureOf(provider.removeLeftover(leftover, within()))).toMatchObject({
        providerCode: 'protected',
      });
    }
    expect(sent('DELETE', /./)).toHaveLength(0);
  });

  test('in use are removed when the cloud has let go of them', async () => {
    const { vm, spec } = await runningOne({ firewall: { allowSshFrom: here } });
    await provider.destroy(vm.id, { ...within(), expectKey: spec.key });
    const [firewall] = await collect(provider.leftovers(spec.key, within()));
    await provider.removeLeftover(firewall as Leftover, within());
    const deletions = harness.sim.requests.filter(
      ({ path, method }) => method === 'DELETE' && /firewalls/.test(path),
    );
    const statuses = deletions.map(({ status }) => status);
    expect(statuses[0]).toBe(422);
    expect(statuses.filter((status) => status !== 422)).toEqual([204]);
    expect(harness.cloud.inventory()).toEqual({});
  });

  test('that the cloud never lets go of end in an error, and not in an endless wait', async () => {
    const { vm, spec } = await runningOne({ firewall: { allowSshFrom: here } });
    harness.cloud.state.firewallsStick = true;
    await provider.destroy(vm.id, { ...within(), expectKey: spec.key });
    const [firewall] = await collect(provider.leftovers(spec.key, within()));
    const startedMs = harness.clock.now();
    const error = await failureOf(provider.removeLeftover(firewall as Leftover, within(86_400_000)));
    expect(error).toMatchObject({ providerCode: 'conflict', info: { retryable: true } });
    expect(harness.clock.now() - startedMs).toBeLessThan(300_000);
  });

  test('are second machines with a key, but never the first', async () => {
    const { vm, spec } = await runningOne();
    const copy = await harness.cloud.plantForeign('copy');
    harness.cloud.state.servers.get(Number(copy))!.labels = vm.labels;
    const left = await collect(provider.leftovers(spec.key, within()));
    expect(left).toMatchObject([{ kind: 'vm', id: copy, key: spec.key, billed: true }]);
    await provider.removeLeftover(left[0] as Leftover, within());
    expect(harness.cloud.machineIds()).toEqual([vm.id]);
  });
});

describe('the firewall', () => {
  test('of a machine made without one is made, and stands before it', async () => {
    const { vm, spec } = await runningOne();
    expect(await provider.firewall?.show(spec.key, within())).toBeNull();
    await provider.firewall?.set(spec.key, here, within());
    expect(await provider.firewall?.show(spec.key, within())).toEqual(here);
    const [firewall] = harness.cloud.state.firewalls.values();
    expect([...firewall!.appliedTo.keys()].map(String)).toEqual([vm.id]);
  });

  test('that stands before nothing keeps nobody out, and set puts it there', async () => {
    const { spec } = await runningOne({ firewall: { allowSshFrom: here } });
    const [firewall] = harness.cloud.state.firewalls.values();
    firewall?.appliedTo.clear();
    expect(await provider.firewall?.show(spec.key, within())).toBeNull();
    await provider.firewall?.set(spec.key, [], within());
    expect(await provider.firewall?.show(spec.key, within())).toEqual([]);
    expect(firewall?.rules).toEqual([]);
  });

  test('that somebody else puts there at the same moment is well', async () => {
    const { vm, spec } = await runningOne({ firewall: { allowSshFrom: here } });
    const [firewall] = harness.cloud.state.firewalls.values();
    firewall?.appliedTo.clear();
    const match = ({ path }: { path: string }) => {
      if (path.endsWith('apply_to_resources'))
        firewall?.appliedTo.set(Number(vm.id), Number.POSITIVE_INFINITY);
      return false;
    };
    harness.sim.fail({ kind: 'answer', match });
    await provider.firewall?.set(spec.key, [], within());
    expect(sent('POST', /apply_to_resources$/).map(({ status }) => status)).toEqual([422]);
    expect(await provider.firewall?.show(spec.key, within())).toEqual([]);
  });

  test('that can not stand before the machine is told at once', async () => {
    const { spec } = await runningOne({ firewall: { allowSshFrom: here } });
    const [firewall] = harness.cloud.state.firewalls.values();
    firewall?.appliedTo.clear();
    const body = {
      error: { code: 'private_net_only_server', message: 'no public interface', details: null },
    };
    harness.sim.fail({ kind: 'answer', answer: { status: 422, body }, path: /apply_to_resources$/ });
    const error = await failureOf(provider.firewall!.set(spec.key, [], within()));
    expect(error).toMatchObject({ providerCode: 'invalid', info: { rawCode: 'private_net_only_server' } });
  });

  test('that is not spuff’s is not touched, whatever its name', async () => {
    const { spec } = await runningOne({ firewall: { allowSshFrom: here } });
    const [firewall] = harness.cloud.state.firewalls.values();
    Object.assign(firewall!, { labels: {} });
    const error = await failureOf(provider.firewall!.set(spec.key, [], within()));
    expect(error).toMatchObject({ providerCode: 'name-taken' });
    expect(firewall?.rules).toHaveLength(1);
  });

  test('takes networks only, and says so before any request', async () => {
    const { key } = harness.makeSpec();
    const error = await failureOf(provider.firewall!.set(key, ['everybody'], within()));
    expect(error).toMatchObject({ providerCode: 'invalid', info: { field: 'firewall' } });
    expect(harness.sim.requests).toEqual([]);
  });
});
