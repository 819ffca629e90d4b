/** What is DigitalOcean's own about the life of a machine: names that are not unique, tags that come late, lists that lag. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { VmSpec } from '../../src/domain/provider.ts';
import { type DigitalOceanHarness, makeHarness } from '../simulators/digitalocean/harness.ts';
import { collect } from './collect.ts';

const loginKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2K7d1vJtPq2eGm6tQmM5oWb0rY7xGmV0dTq8z1bN5R me@here';
const fingerprintTag = /^spuff-ssh:(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$/;

let harness: DigitalOceanHarness;
beforeAll(async () => {
  harness = await makeHarness({ sshPublicKeys: [loginKey] });
});
afterEach(async () => {
  harness.sim.healAll();
  await harness.cleanUp();
  Object.assign(harness.cloud, {
    listLagSeconds: 0,
    fullRegions: [],
    machineLimit: 1_000,
    missingScopes: [],
  });
  expect(harness.sim.descriptionFaults.splice(0)).toEqual([]);
});
afterAll(() => harness.sim.stop());

const soon = () => harness.within(600_000);
const orders = () => harness.sim.requests.filter(harness.isCreate);

describe('an order', () => {
  test('is what was planned, request by request', async () => {
    const { provider, makeSpec, sim } = harness;
    const spec = makeSpec({ firewall: { allowSshFrom: ['198.51.100.7', '2001:db8::1/64'] } });
    const { requests } = provider.plan(spec);
    const first = sim.requests.length;
    await provider.create(spec, soon());
    const sent = sim.requests.slice(first).filter(({ method }) => method !== 'GET');
    expect(sent.map(({ method, path, body }) => ({ method, path, body: JSON.parse(body) }))).toEqual(
      requests,
    );
    expect(requests.map(({ path }) => path)).toEqual([
      ...['/v2/tags', '/v2/account/keys', '/v2/firewalls', '/v2/droplets'],
    ]);
  });

  test('has nothing in it that the user did not ask for, and no root password by mail', async () => {
    const { provider, makeSpec, cloud } = harness;
    const spec = makeSpec();
    await provider.create(spec, soon());
    const body = JSON.parse(orders().at(-1)?.body ?? '') as Record<string, unknown>;
    expect(body).toMatchObject({ backups: false, monitoring: false, ipv6: false, with_droplet_agent: false });
    expect(body['ssh_keys']).toEqual([cloud.keys.all()[0]?.fingerprint]);
    expect(body['tags']).toContainEqual(expect.stringMatching(fingerprintTag));
    // The comment of a key is the user's own.
    expect(JSON.stringify(cloud.keys.all())).not.toContain('me@here');
  });

  test('of a machine that nobody has announced waits for nothing', async () => {
    const { provider, makeSpec, clock } = harness;
    const before = clock.now();
    await provider.create(makeSpec(), soon());
    expect(clock.now() - before).toBeLessThan(15_000);
  });

  test('that a process announced and died over is looked for as long as lists lag, and not made twice', async () => {
    const { provider, reopen, makeSpec, cloud, clock } = harness;
    cloud.listLagSeconds = 45;
    const spec = makeSpec();
    const made = await provider.create(spec, soon());
    const before = clock.now();
    // Another process, at once: it knows of nothing, and no list shows the machine.
    expect((await reopen().create(spec, soon())).id).toBe(made.id);
    expect(clock.now() - before).toBeGreaterThan(30_000);
    expect(cloud.machineIds()).toEqual([made.id]);
  });

  test('whose tags come late is not made twice, and can be destroyed at once', async () => {
    const { provider, reopen, makeSpec, cloud } = harness;
    cloud.tagLagSeconds = 30;
    const spec = makeSpec();
    const made = await provider.create(spec, soon());
    expect(made).toMatchObject({ key: spec.key, instanceName: spec.instanceName });
    expect((await reopen().create(spec, soon())).id).toBe(made.id);
    const again = makeSpec();
    const second = await provider.create(again, soon());
    await reopen().destroy(second.id, { ...soon(), expectKey: again.key });
    expect(cloud.machineIds()).toEqual([made.id]);
  });

  test('whose tags never come is not made twice either, though it can not be told to be ours', async () => {
    const { provider, reopen, makeSpec, cloud } = harness;
    cloud.tagLagSeconds = 100_000;
    const spec = makeSpec();
    const { id } = await provider.create(spec, soon());
    await expect(reopen().create(spec, soon())).rejects.toMatchObject({ providerCode: 'name-taken' });
    expect(cloud.machineIds()).toEqual([id]);
  });

  test('that may have got through and is never listed is not guessed about', async () => {
    const { provider, makeSpec, sim, cloud, isCreate } = harness;
    cloud.listLagSeconds = 10_000;
    sim.fail({ kind: 'answer-lost', match: isCreate, times: 10 });
    const before = orders().length;
    const failing = provider.create(makeSpec({ instanceName: 'demo' }), soon());
    await expect(failing).rejects.toMatchObject({
      providerCode: 'ambiguous',
      hints: [expect.stringContaining('spuff up demo'), expect.stringContaining('spuff down demo')],
    });
    expect(orders().length - before).toBe(2);
  });

  test('whose deadline comes before lists must show it is not asked for again', async () => {
    const { provider, makeSpec, sim, isCreate, within } = harness;
    sim.fail({ kind: 'answer-lost', match: isCreate });
    harness.cloud.listLagSeconds = 10_000;
    const before = orders().length;
    await expect(provider.create(makeSpec(), within(40_000))).rejects.toMatchObject({
      providerCode: 'ambiguous',
    });
    expect(orders().length - before).toBe(1);
  });

  test('goes to another region at once where the first has no room', async () => {
    const { provider, makeSpec, cloud, clock } = harness;
    cloud.fullRegions = ['nyc3'];
    const spec = makeSpec();
    await expect(provider.create(spec, soon())).rejects.toMatchObject({ providerCode: 'capacity' });
    const before = clock.now();
    const made = await provider.create({ ...spec, region: 'fra1' }, soon());
    expect(made.region).toBe('fra1');
    expect(clock.now() - before).toBeLessThan(15_000);
  });

  test('over the limit of the account is not sent, and both numbers are told', async () => {
    const { provider, makeSpec, cloud } = harness;
    cloud.plant({});
    cloud.machineLimit = 1;
    const before = orders().length;
    await expect(provider.create(makeSpec(), soon())).rejects.toMatchObject({
      providerCode: 'quota',
      message: expect.stringContaining('1 droplets and may have 1'),
    });
    expect(orders().length).toBe(before);
    expect(cloud.inventory()).toMatchObject({ droplet: [expect.any(String)] });
    expect(Object.keys(cloud.inventory())).toEqual(['droplet']);
  });

  test('is not given to a machine of the name that somebody else has made', async () => {
    const { provider, makeSpec, cloud, clock } = harness;
    const spec = makeSpec();
    const foreign = await cloud.plantForeign(spec.name);
    clock.advance(3_600_000);
    await expect(provider.create(spec, soon())).rejects.toMatchObject({
      providerCode: 'name-taken',
      message: expect.stringContaining(foreign),
    });
    expect(cloud.machineIds()).toEqual([foreign]);
  });

  test.each([
    ['a key that is none', { sshPublicKeys: ['ssh-ed25519 AAAA'] }, 'sshPublicKeys'],
    ['a network that is none', { firewall: { allowSshFrom: ['198.51.100.0/33'] } }, 'firewall'],
    ['spot', { spot: true }, 'spot'],
  ] satisfies [string, Partial<VmSpec>, string][])(
    'with %s is refused before any request',
    async (_what, change, field) => {
      const { provider, makeSpec, sim } = harness;
      const before = sim.requests.length;
      await expect(provider.create(makeSpec(change), soon())).rejects.toMatchObject({
        ...{ providerCode: 'invalid', info: { field } },
      });
      expect(sim.requests.length).toBe(before);
    },
  );
});

describe('a machine', () => {
  test('with a GPU is found by key and in the list', async () => {
    const { provider, makeSpec } = harness;
    const spec = makeSpec({ size: 'gpu-h100x1-80gb' });
    const { id } = await provider.create(spec, soon());
    expect(await provider.find(spec.key, soon())).toMatchObject({ id });
    expect((await collect(provider.list(soon()))).map((vm) => vm.id)).toEqual([id]);
  });

  test('that was renamed is found by its tag', async () => {
    const { provider, makeSpec, cloud } = harness;
    const spec = makeSpec();
    const { id } = await provider.create(spec, soon());
    const droplet = cloud.droplets.get(Number(id));
    Object.assign(droplet ?? {}, { name: 'mine-now' });
    expect(await provider.find(spec.key, soon())).toMatchObject({ id, name: 'mine-now' });
    expect((await provider.create(spec, soon())).id).toBe(id);
  });

  test('with our mark and a key that is none is listed, and has no key', async () => {
    const { provider, cloud } = harness;
    const { id } = cloud.plant({ name: 'spuff-odd', tags: ['spuff', 'spuff-key:odd'] });
    expect(await collect(provider.list(soon()))).toMatchObject([{ id: String(id), key: null }]);
    const { key: expectKey } = harness.makeSpec();
    await expect(provider.destroy(String(id), { ...soon(), expectKey })).rejects.toMatchObject({
      providerCode: 'protected',
    });
  });

  test('that DigitalOcean accepts and can not make is told while it still calls it new', async () => {
    const { provider, makeSpec, cloud } = harness;
    Object.assign(cloud, { failNextPlacement: true, placementFailure: 'errored' });
    const spec = makeSpec();
    const { id } = await provider.create(spec, soon());
    await expect(provider.waitFor(id, 'running', soon())).rejects.toMatchObject({
      providerCode: 'action-failed',
    });
    await provider.destroy(id, { ...soon(), expectKey: spec.key });
    expect(cloud.machineIds()).toEqual([]);
  });

  test('that DigitalOcean accepts and takes away has failed, and one that never was is not there', async () => {
    const { provider, reopen, makeSpec, cloud } = harness;
    cloud.failNextPlacement = true;
    const { id } = await provider.create(makeSpec(), soon());
    await expect(provider.waitFor(id, 'running', soon())).rejects.toMatchObject({
      providerCode: 'action-failed',
    });
    await expect(reopen().waitFor(id, 'running', soon())).rejects.toMatchObject({
      providerCode: 'not-found',
    });
  });

  test('that something is done to is destroyed when that is over', async () => {
    const { provider, makeSpec, cloud } = harness;
    const spec = makeSpec();
    const { id } = await provider.create(spec, soon());
    await provider.waitFor(id, 'running', soon());
    const droplet = cloud.droplets.get(Number(id));
    Object.assign(droplet ?? {}, { lockedUntilMs: harness.clock.now() + 30_000 });
    await provider.destroy(id, { ...soon(), expectKey: spec.key });
    expect(cloud.machineIds()).toEqual([]);
  });

  test('that the token may not destroy is told at once, with the scope', async () => {
    const { provider, makeSpec, cloud, clock } = harness;
    const spec = makeSpec();
    const { id } = await provider.create(spec, soon());
    cloud.missingScopes = ['droplet:delete'];
    const before = clock.now();
    await expect(provider.destroy(id, { ...soon(), expectKey: spec.key })).rejects.toMatchObject({
      providerCode: 'forbidden',
      hints: [expect.stringContaining('droplet:delete')],
    });
    expect(clock.now() - before).toBeLessThan(5_000);
  });

  test('takes its own tags with it, but those that others carry, and says nothing where it may not', async () => {
    const { provider, makeSpec, cloud } = harness;
    const [spec, kept, held] = [makeSpec(), makeSpec(), makeSpec()];
    const end = async ({ key }: VmSpec) => {
      const vm = await provider.find(key, soon());
      await provider.destroy(vm?.id ?? '', { ...soon(), expectKey: key });
    };
    for (const one of [spec, kept, held]) await provider.create(one, soon());
    await end(spec);
    cloud.missingScopes = ['tag:delete'];
    await end(kept);
    cloud.missingScopes = [];
    cloud.volumes.plant('data', [`spuff-key:${held.key}`]);
    await end(held);
    const tags = [...cloud.tags].join();
    expect(tags).not.toContain(spec.key);
    expect(tags).toContain(`spuff-key:${kept.key}`);
    expect(tags).toContain(`spuff-key:${held.key}`);
  });

  test('is polled slower and slower', async () => {
    const { provider, makeSpec, cloud, clock, within } = harness;
    const { id } = await provider.create(makeSpec(), soon());
    Object.assign(cloud.droplets.get(Number(id)) ?? {}, { activeMs: clock.now() + 10_000_000 });
    const [before, slept] = [harness.sim.requests.length, clock.sleeps.length];
    await expect(provider.waitFor(id, 'running', within(300_000))).rejects.toMatchObject({
      providerCode: 'timeout',
      message: expect.stringContaining('new'),
    });
    expect(harness.sim.requests.length - before).toBeLessThan(60);
    const sleeps = clock.sleeps.slice(slept);
    expect(sleeps.at(-1)).toBeGreaterThan(5_000);
    expect(sleeps[0]).toBeLessThan(1_500);
  });
});
