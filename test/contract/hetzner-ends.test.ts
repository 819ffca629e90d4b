/** What is Hetzner's own about lists, waiting, ends, snapshots, the access and the catalogue. */
import { describe, expect, test } from 'vitest';
import type { Leftover, VmSpec } from '../../src/domain/provider.ts';
import { readWrite } from '../simulators/hetzner/hetzner-cloud.ts';
import { initializingMs } from '../simulators/hetzner/state.ts';
import { collect } from './collect.ts';
import { failureOf, useHetzner } from './use-hetzner.ts';

const { harness, provider, within, create, runningOne, sent } = await useHetzner();

const pages = (pagination: unknown, servers: unknown[] = []) => ({
  status: 200,
  body: { servers, meta: { pagination } },
});

describe('a list', () => {
  test.each([
    ['repeats', pages({ page: 1, next_page: 1, total_entries: 60 })],
    ['goes back', pages({ page: 1, next_page: -1, total_entries: 60 })],
    ['has no end', pages({ page: 1 })],
    ['has no pages', { status: 200, body: { servers: [] } }],
  ])('that %s is an error of the protocol, and ends', async (_what, answer) => {
    harness.sim.fail({ kind: 'answer', answer, times: 1_000 });
    const error = await failureOf(collect(provider.list(within())));
    expect(error).toMatchObject({
      providerCode: 'protocol',
      info: { field: expect.stringContaining('meta.pagination') },
    });
    expect(harness.sim.requests).toHaveLength(1);
  });

  test('in which something is missing names the part', async () => {
    harness.sim.fail({
      kind: 'answer',
      answer: pages({ next_page: null }, [{ id: 1, name: 'x', status: 'running' }]),
    });
    const error = await failureOf(collect(provider.list(within())));
    expect(error).toMatchObject({ providerCode: 'protocol', info: { field: 'server.public_net' } });
  });

  test('from which machines go while it is read misses none', async () => {
    const { cloud, sim } = harness;
    await cloud.plantOurs(120);
    const [gone, ...kept] = cloud.machineIds();
    sim.fail({
      kind: 'answer',
      match: ({ query }) => {
        if (query.get('page') === '2') cloud.state.servers.delete(Number(gone));
        return false;
      },
    });
    const listed = (await collect(provider.list(within()))).map(({ id }) => id);
    expect(listed).toEqual(expect.arrayContaining(kept));
  });

  test('shows a machine whose key is not well formed without one, and nothing touches it', async () => {
    const { vm, spec } = await runningOne();
    harness.cloud.state.servers.get(Number(vm.id))!.labels = { 'spuff.kind': 'machine', 'spuff.key': 'x' };
    expect(await collect(provider.list(within()))).toMatchObject([{ id: vm.id, key: null }]);
    const destroying = provider.destroy(vm.id, { ...within(), expectKey: spec.key });
    expect(await failureOf(destroying)).toMatchObject({ providerCode: 'protected' });
    const leftover: Leftover = { kind: 'vm', id: vm.id, name: '', key: null, billed: true };
    expect(await failureOf(provider.removeLeftover(leftover, within()))).toMatchObject({
      providerCode: 'protected',
    });
    expect(sent('DELETE', /./)).toHaveLength(0);
  });
});

describe('waiting', () => {
  test('for a machine that can not be started tells what the API says of it', async () => {
    harness.cloud.failNextPlacement = true;
    const { id } = await create(harness.makeSpec());
    const error = await failureOf(provider.waitFor(id, 'running', within()));
    expect(error).toMatchObject({ providerCode: 'action-failed', info: { op: 'waitFor' } });
    expect(error.message).toContain('create_server failed: Action failed (action_failed)');
  });

  test('for a machine that is off to run fails, for one on its way it goes on', async () => {
    const { vm } = await runningOne();
    await harness.powerOff(vm);
    const error = await failureOf(provider.waitFor(vm.id, 'running', within()));
    expect(error).toMatchObject({
      providerCode: 'action-failed',
      message: expect.stringContaining('it is off'),
    });
    // On its way from its making to its start it was off as well, and that was no failure.
    expect(vm.state).toBe('running');
  });

  test('asks slower and slower, and never faster than requests come back', async () => {
    const { vm } = await runningOne();
    const before = harness.sleeps().length;
    await failureOf(provider.waitFor(vm.id, 'gone', within(120_000)));
    const waits = harness
      .sleeps()
      .slice(before)
      .filter((ms) => ms > 500);
    expect(waits.length).toBeGreaterThan(5);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    expect(waits.at(-1)).toBeGreaterThan(waits[0]!);
  });

  test('goes on when the requests of the hour are used up', async () => {
    const { id } = await create(harness.makeSpec());
    harness.cloud.requestsLeft = 0;
    await expect(provider.waitFor(id, 'running', within())).resolves.toMatchObject({ state: 'running' });
    expect(harness.sim.requests.some(({ status }) => status === 429)).toBe(true);
  });
});

describe('the end of a machine', () => {
  test('waits until its making is done, and until it is gone', async () => {
    const spec = harness.makeSpec();
    const { id } = await create(spec);
    await provider.destroy(id, { ...within(), expectKey: spec.key });
    const deletions = harness.sim.requests.filter(({ method }) => method === 'DELETE');
    const statuses = deletions.map(({ status }) => status);
    expect(statuses[0]).toBe(423);
    expect(statuses.filter((status) => status !== 423)).toEqual([200]);
    expect(harness.cloud.inventory()).toEqual({});
  });

  test('that is forbidden in the Console says so', async () => {
    const { vm, spec } = await runningOne();
    const body = { error: { code: 'protected', message: 'server deletion is protected', details: null } };
    harness.sim.fail({ kind: 'answer', answer: { status: 423, body }, method: 'DELETE' });
    const error = await failureOf(provider.destroy(vm.id, { ...within(), expectKey: spec.key }));
    expect(error).toMatchObject({
      providerCode: 'protected',
      info: { rawCode: 'protected', retryable: false },
    });
    expect(error.hints.join()).toContain('console.hetzner.cloud');
  });

  test('that never comes is a time-out', async () => {
    const { vm, spec } = await runningOne();
    const answer = { status: 200, body: {} };
    harness.sim.fail({ kind: 'answer', answer, method: 'DELETE', times: 100 });
    const error = await failureOf(provider.destroy(vm.id, { ...within(60_000), expectKey: spec.key }));
    expect(error).toMatchObject({ providerCode: 'timeout', info: { op: 'destroy', retryable: true } });
  });
});

describe('a snapshot', () => {
  const take = (id: string, spec: VmSpec) =>
    provider.snapshots!.create(id, 'kept', { ...within(), expectKey: spec.key });

  test('whose answer is lost is found again, and taken once', async () => {
    const { vm, spec } = await runningOne();
    harness.sim.fail({ kind: 'answer-lost', path: /create_image$/ });
    const taken = await take(vm.id, spec);
    expect(taken).toMatchObject({ name: 'kept', key: spec.key, sizeBytes: 2.25 * 2 ** 30, billed: true });
    expect((await collect(provider.snapshots!.list(within()))).map(({ id }) => id)).toEqual([taken.id]);
    expect(sent('POST', /create_image$/)).toHaveLength(1);
  });

  test('whose order is lost is told, and not taken twice', async () => {
    const { vm, spec } = await runningOne();
    harness.sim.fail({ kind: 'request-lost', path: /create_image$/ });
    expect(await failureOf(take(vm.id, spec))).toMatchObject({ providerCode: 'ambiguous' });
    expect(sent('POST', /create_image$/)).toHaveLength(1);
  });

  test('that fails on the way is told', async () => {
    const { vm, spec } = await runningOne();
    harness.cloud.failNextImage = true;
    expect(await failureOf(take(vm.id, spec))).toMatchObject({ providerCode: 'action-failed' });
  });

  test('of somebody else, and an image of the cloud, stay', async () => {
    const { vm, spec } = await runningOne();
    const taken = await take(vm.id, spec);
    Object.assign(harness.cloud.state.images.get(Number(taken.id))!, { labels: {} });
    expect(await collect(provider.snapshots!.list(within()))).toEqual([]);
    for (const id of [taken.id, '1000'])
      expect(await failureOf(provider.snapshots!.delete(id, within()))).toMatchObject({
        providerCode: 'protected',
      });
    expect(sent('DELETE', /./)).toHaveLength(0);
  });
});

describe('the access', () => {
  test('is named as far as the API tells, and looking at it makes nothing', async () => {
    await harness.cloud.plantForeign('mine');
    const { account, missing, quota } = await provider.checkAccess(within());
    expect({ account, missing, quota }).toEqual({
      account: 'a project of Hetzner Cloud with 1 server',
      missing: [],
      quota: {},
    });
    expect(harness.cloud.state.sshKeys.size).toBe(0);
  });

  test('of a token that may only read is told, with what it lacks', async () => {
    harness.cloud.missingScopes = [readWrite];
    expect((await provider.checkAccess(within())).missing).toEqual([readWrite]);
    const error = await failureOf(create(harness.makeSpec()));
    expect(error).toMatchObject({
      providerCode: 'forbidden',
      code: 'auth',
      info: { rawCode: 'token_readonly' },
    });
    expect(error.hints.join()).toContain(readWrite);
  });
});

describe('the catalogue', () => {
  test('has exact prices with tax, what is sold out, and what is to end', async () => {
    const { sizes, images, regions } = await provider.catalog(within());
    const size = (id: string) => sizes.find((one) => one.id === id);
    expect(size('cpx22')).toMatchObject({ vcpus: 2, memoryMiB: 4_096, diskGiB: 80, arch: 'x86_64' });
    expect(size('cpx22')?.hourly).toEqual({ amount: '0.012376', currency: 'EUR', basis: 'gross' });
    expect(size('cpx11')?.hourly?.amount).toBe('0.009877');
    expect(size('cpx32')?.regions).toContainEqual(
      expect.objectContaining({ id: 'hel1', available: false, deprecatedAfter: null }),
    );
    expect(size('cpx11')?.regions.find(({ id }) => id === 'ash')?.hourly).toEqual({
      amount: '0.009877',
      currency: 'EUR',
      basis: 'gross',
    });
    expect(size('cx22')?.regions[0]?.deprecatedAfter).toEqual(new Date('2027-01-01T00:00:00Z'));
    expect(size('cax11')?.arch).toBe('arm64');
    expect(regions.map(({ id, available }) => [id, available])).toContainEqual(['ash', true]);
    const slugs = images.map(({ ref }) => (ref.kind === 'slug' ? ref.slug : ref.id));
    expect(slugs).toEqual(expect.arrayContaining(['debian-12', 'ubuntu-22.04', 'ubuntu-24.04']));
    expect(images.find(({ name }) => name === 'Debian 11')?.deprecatedAfter).toEqual(
      new Date('2026-11-01T00:00:00Z'),
    );
  });
});

describe('a snapshot that is being made', () => {
  test('is not listed, because it may yet fail', async () => {
    const { vm, spec } = await runningOne();
    const soon = { ...harness.within(1_000), expectKey: spec.key };
    const failure = await failureOf(provider.snapshots!.create(vm.id, 'in the making', soon));
    expect(failure).toMatchObject({ providerCode: 'timeout' });
    const names = async () => (await collect(provider.snapshots!.list(within()))).map(({ name }) => name);
    expect([...harness.cloud.state.images.values()].map(({ description }) => description)).toContain(
      'in the making',
    );
    expect(await names()).toEqual([]);
    await harness.letPass(30 * 60_000);
    expect(await names()).toEqual(['in the making']);
  });
});

describe('a machine that starts between the two questions about it', () => {
  test('is no machine that stays off', async () => {
    const vm = await create(harness.makeSpec());
    // Made, and not yet started.
    await harness.letPass(initializingMs + 100);
    expect(await provider.get(vm.id, within())).toMatchObject({ state: 'stopped' });
    harness.sim.fail({
      kind: 'answer-lost',
      match: ({ path }) => {
        if (path.endsWith('/actions')) void harness.letPass(60_000);
        return false;
      },
    });
    expect(await provider.waitFor(vm.id, 'running', within())).toMatchObject({ state: 'running' });
  });
});
