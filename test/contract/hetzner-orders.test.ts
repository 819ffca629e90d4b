/** What is Hetzner's own about making machines: what is sent, what a lost answer costs, names, keys, and what never shows. */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { VmSpec } from '../../src/domain/provider.ts';
import { simToken } from '../simulators/hetzner/hetzner-cloud.ts';
import type { SimRequest } from '../simulators/sim-server.ts';
import { failureOf, here, publicKey, useHetzner } from './use-hetzner.ts';

const { harness, provider, within, create, sent } = await useHetzner();

describe('an order', () => {
  test('is what the plan said, but for the ids of what was made before it', async () => {
    const spec = harness.makeSpec({ sshPublicKeys: [publicKey], firewall: { allowSshFrom: here } });
    await create(spec);
    const changes = harness.sim.requests.filter(({ method }) => method !== 'GET');
    const made = changes.map(({ method, path, body }) => ({
      method,
      path: path.slice(3),
      body: JSON.parse(body),
    }));
    const [sshKey] = harness.cloud.state.sshKeys.values();
    const [firewall] = harness.cloud.state.firewalls.values();
    const planned = JSON.parse(JSON.stringify(provider.plan(spec).requests)) as typeof made;
    Object.assign(planned[2]!.body, { ssh_keys: [sshKey!.id], firewalls: [{ firewall: firewall!.id }] });
    expect(made).toEqual(planned);
  });

  test('comes after its firewall, which knows from the start who may get in', async () => {
    const spec = harness.makeSpec({ firewall: { allowSshFrom: here } });
    const vm = await create(spec);
    const order = harness.sim.requests.map(({ method, path }) => `${method} ${path}`);
    expect(order.indexOf('POST /v1/firewalls')).toBeLessThan(order.indexOf('POST /v1/servers'));
    const [firewall] = harness.cloud.state.firewalls.values();
    expect(firewall?.rules).toMatchObject([{ direction: 'in', port: '22', source_ips: here }]);
    expect([...firewall!.appliedTo.keys()].map(String)).toEqual([vm.id]);
  });

  test('that goes on after a death sets the firewall to what is wanted now', async () => {
    const spec = harness.makeSpec({ firewall: { allowSshFrom: here } });
    harness.cloud.fullRegions = ['nbg1'];
    expect(await failureOf(create(spec))).toMatchObject({ providerCode: 'capacity' });
    harness.cloud.fullRegions = [];
    await create({ ...spec, firewall: { allowSshFrom: ['203.0.113.0/24'] } });
    expect(await provider.firewall?.show(spec.key, within())).toEqual(['203.0.113.0/24']);
    expect(harness.cloud.state.firewalls.size).toBe(1);
  });

  test('that is failed again and again is sent three times, each after the list can have caught up', async () => {
    const { sim, isCreate, clock, makeSpec } = harness;
    const answer = { status: 503, body: '{}' };
    const times: number[] = [];
    const match = (request: SimRequest) => isCreate(request) && times.push(clock.now()) > 0;
    sim.fail({ kind: 'answer', answer, times: 100, match });
    const error = await failureOf(create(makeSpec()));
    expect(error).toMatchObject({ providerCode: 'ambiguous', info: { op: 'create', status: 503 } });
    expect(times).toHaveLength(3);
    for (const [at, time] of times.slice(1).entries())
      expect(time - times[at]!).toBeGreaterThanOrEqual(provider.caps.listLagSeconds * 1_000);
  });

  test('whose name is taken, by one that is not listed yet, gives that one', async () => {
    const { sim, cloud, isCreate, makeSpec } = harness;
    const spec = makeSpec();
    const vm = await create(spec);
    cloud.listLagSeconds = 8;
    // The other looks too early, orders, and is told that the name is taken.
    const other = await harness.reopen().create(spec, within());
    expect(other.id).toBe(vm.id);
    expect(sim.requests.filter((one) => isCreate(one)).map(({ status }) => status)).toEqual([201, 409]);
  });

  test('at its deadline says that it does not know', async () => {
    const { sim, isCreate, makeSpec } = harness;
    sim.fail({ kind: 'answer-lost', match: isCreate });
    harness.cloud.listLagSeconds = 100;
    const error = await failureOf(provider.create(makeSpec(), harness.within(5_000)));
    expect(error).toMatchObject({ providerCode: 'ambiguous' });
  });

  test('does not take over a server of its name, and makes nothing beside it', async () => {
    const spec = harness.makeSpec({ sshPublicKeys: [publicKey], firewall: { allowSshFrom: here } });
    const foreign = await harness.cloud.plantForeign(spec.name);
    const error = await failureOf(create(spec));
    expect(error).toMatchObject({ providerCode: 'name-taken', info: { retryable: false } });
    expect(harness.cloud.machineIds()).toEqual([foreign]);
    expect(harness.sim.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('finds its machine by the label when somebody has renamed it', async () => {
    const spec = harness.makeSpec();
    const vm = await create(spec);
    harness.cloud.state.servers.get(Number(vm.id))!.name = 'renamed';
    expect(await create(spec)).toMatchObject({ id: vm.id, name: 'renamed', key: spec.key });
    expect(await provider.find(spec.key, within())).toMatchObject({ id: vm.id });
  });

  test.each([
    ['region-unavailable', { region: 'ash' }],
    ['region-unavailable', { region: 'moon1' }],
    ['capacity', { region: 'hel1', size: 'cpx32' }],
    ['invalid', { size: 'cpx99' }],
    ['invalid', { image: { kind: 'slug', slug: 'debian-99' } }],
    ['invalid', { image: { kind: 'id', id: '99' } }],
  ] satisfies [string, Partial<VmSpec>][])('is told %s for %j', async (code, change) => {
    const error = await failureOf(create(harness.makeSpec(change)));
    expect(error).toMatchObject({ providerCode: code, info: { retryable: false } });
    expect(sent('POST', /servers$/)).toHaveLength(1);
  });

  test('beyond the limit of the account names the limit and where to raise it', async () => {
    harness.cloud.machineLimit = 0;
    const error = await failureOf(create(harness.makeSpec()));
    expect(error).toMatchObject({
      providerCode: 'quota',
      code: 'quota',
      message: expect.stringContaining('server_limit'),
    });
    expect(error.hints.join()).toContain('https://console.hetzner.cloud/limits');
  });

  test('bears the owner as far as a label can', async () => {
    const vm = await create(harness.makeSpec({ owner: 'ana maria@example.org' }));
    expect(vm.labels['spuff.owner']).toBe('ana_maria_example.org');
  });
});

describe('what must not be seen', () => {
  const canary = /RootPw\w*canary/;

  test('is the root password that the API makes where there is no login key', async () => {
    const vm = await create(harness.makeSpec());
    expect(inspect(vm, { depth: 9 })).not.toMatch(canary);
  });

  test.each([
    ['cut off', '{"root_password":"RootPw1canary","server":{"id":'],
    ['of another shape', '{"root_password":"RootPw1canary","server":"RootPw2canary"}'],
    ['no object', '"RootPw1canary"'],
  ])('is the root password in an answer that is %s', async (_what, body) => {
    harness.sim.fail({ kind: 'answer', answer: { status: 201, body }, times: 9, match: harness.isCreate });
    const error = await failureOf(create(harness.makeSpec()));
    expect(error).toMatchObject({ providerCode: 'ambiguous' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(canary);
  });

  test('is half of the token, which the API quotes when it refuses for the rate', async () => {
    harness.sim.fail({
      kind: 'answer',
      answer: {
        status: 429,
        body: `{"error":{"code":"rate_limit_exceeded","message":"Limit of '3600' requests per hour for token '${simToken.slice(0, 32)}...' reached."}}`,
      },
      times: 100,
    });
    const error = await failureOf(create(harness.makeSpec()));
    expect(error).toMatchObject({ providerCode: 'rate-limited', info: { retryable: true } });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(simToken.slice(0, 12));
  });

  test('is the token, wherever a request goes wrong', async () => {
    const spec = harness.makeSpec({ sshPublicKeys: [publicKey], firewall: { allowSshFrom: here } });
    const urls: string[] = [];
    for (const kind of ['request-lost', 'answer-lost', 'cut-short'] as const) {
      harness.sim.fail({ kind, times: 100 });
      const options = { ...within(), onRequest: (request: { url: string }) => void urls.push(request.url) };
      const error = await failureOf(provider.create(spec, options));
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(simToken);
      harness.sim.healAll();
    }
    expect(urls.length).toBeGreaterThan(3);
    expect(urls.join()).not.toContain(simToken);
    for (const { headers, path, query, body } of harness.sim.requests) {
      expect(headers['authorization']).toBe(`Bearer ${simToken}`);
      expect(
        [path, query.toString(), body, JSON.stringify({ ...headers, authorization: '' })].join(),
      ).not.toContain(simToken);
    }
  });
});
