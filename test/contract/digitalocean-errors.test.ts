/** What each refusal of DigitalOcean becomes, by bodies as the API gives them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ProviderError } from '../../src/domain/provider-error.ts';
import { scopeOf } from '../../src/providers/digitalocean/scopes.ts';
import { type DigitalOceanHarness, makeHarness } from '../simulators/digitalocean/harness.ts';
import { routes } from '../simulators/digitalocean/routes.ts';
import { collect } from './collect.ts';

let harness: DigitalOceanHarness;
beforeAll(async () => {
  harness = await makeHarness();
});
afterEach(async () => {
  harness.sim.healAll();
  await harness.cleanUp();
  Object.assign(harness.cloud, { machineLimit: 1_000, missingScopes: [] });
  expect(harness.sim.descriptionFaults.splice(0)).toEqual([]);
});
afterAll(() => harness.sim.stop());

const said = (id: string, message: string) => JSON.stringify({ id, message, request_id: 'req-1' });

/** The error of an order of a machine that is answered so. */
async function refused(status: number, body: string, headers = {}, userData = '#cloud-config\n{}\n') {
  const { provider, sim, makeSpec, within, isCreate } = harness;
  sim.healAll();
  sim.fail({ kind: 'answer', match: isCreate, times: 10, answer: { status, headers, body } });
  const error = await provider
    .create(makeSpec({ userData }), within(600_000))
    .catch((thrown: unknown) => thrown);
  return error as ProviderError;
}

describe('an order that is refused', () => {
  const unprocessable = (message: string) => said('unprocessable_entity', message);
  test.each([
    [401, said('Unauthorized', 'Unable to authenticate you'), 'auth'],
    [401, said('unauthorized', 'Unable to authenticate you'), 'auth'],
    [402, said('payment_required', 'Please update your card'), 'account-locked'],
    [403, said('Forbidden', 'You are not authorized to perform this operation'), 'forbidden'],
    [403, said('forbidden', 'Your account is locked, contact support'), 'account-locked'],
    [404, said('not_found', 'The resource you were accessing could not be found.'), 'not-found'],
    [409, said('conflict', 'The request could not be completed'), 'conflict'],
    [422, unprocessable('creating this/these droplet(s) will exceed your droplet limit'), 'quota'],
    [422, unprocessable('Size is not available in this region.'), 'capacity'],
    [422, unprocessable('Region is not available'), 'region-unavailable'],
    [422, unprocessable('You specified an invalid region for Droplet creation.'), 'region-unavailable'],
    [422, unprocessable('You specified an invalid size for Droplet creation.'), 'invalid'],
    [422, unprocessable('You specified an invalid image for Droplet creation.'), 'not-found'],
    [422, unprocessable('1 are invalid key identifiers for Droplet creation.'), 'invalid'],
    [422, unprocessable('Droplet already has a pending event.'), 'conflict'],
    [422, unprocessable('Please verify your account to create Droplets'), 'account-locked'],
    [422, unprocessable('Something that nobody has seen'), 'invalid'],
    [422, '<html>', 'invalid'],
    [
      400,
      JSON.stringify({ error: 'bad', messages: ['name is not well formed'], root_causes: [] }),
      'invalid',
    ],
    [418, '', 'invalid'],
    [301, '', 'protocol'],
    [500, said('server_error', 'Unexpected server-side error'), 'ambiguous'],
    [503, '', 'ambiguous'],
  ])('with %i %s is told as such', async (status, body, code) => {
    const error = await refused(status, body);
    expect(error).toMatchObject({ providerCode: code, info: { provider: 'digitalocean', op: 'create' } });
    expect(error.info.retryable).toBe(code === 'conflict');
    expect(harness.cloud.machineIds()).toEqual([]);
    if (status < 500 && status > 301) expect(error.info.status).toBe(status);
  });

  test('carries the word of the API and the number of the request', async () => {
    const error = await refused(404, said('not_found', 'gone'));
    expect(error.info).toMatchObject({ rawCode: 'not_found', requestId: 'req-1', status: 404 });
    expect(error.message).toBe('DigitalOcean refused (HTTP 404): gone');
    const headers = { 'x-request-id': 'header-2' };
    expect((await refused(404, '{}', headers)).info.requestId).toBe('header-2');
  });

  test('says what to do about a token', async () => {
    const unknown = await refused(401, said('Unauthorized', 'Unable to authenticate you'));
    expect(unknown.hints.join()).toContain('DIGITALOCEAN_TOKEN');
    expect(unknown.hints.join()).toContain('https://cloud.digitalocean.com/account/api/tokens');
    const narrow = await refused(403, said('Forbidden', 'You are not authorized to perform this operation'));
    expect(narrow.hints.join()).toContain('droplet:create');
  });

  test('does not show what it was sent, nor what looks like a token, nor control characters', async () => {
    const { token } = harness;
    const userData = '#cloud-config\nwrite_files: [a-line-of-the-users]\n';
    for (const message of [
      `user_data: write_files: [a-line-of-the-users] is too long`,
      `the token ${token} is old`,
      'red \u001b[31m and \u202e back',
    ]) {
      const error = await refused(422, said('unprocessable_entity', message), {}, userData);
      const text = JSON.stringify([error.message, error.hints, error.info]);
      expect(text).not.toContain('a-line-of-the-users');
      expect(text).not.toContain(token);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
      expect(`${error.message}${error.hints.join('')}`).not.toMatch(/[\u0000-\u001f\u202e]/);
    }
  });
});

describe('the rate', () => {
  test('of a token that has used up its hour is waited for until its oldest request is an hour old', async () => {
    const { provider, sim, clock, within } = harness;
    const reset = Math.ceil(clock.now() / 1_000) + 90;
    const headers = { 'ratelimit-remaining': '0', 'ratelimit-reset': String(reset) };
    const answer = { status: 429, headers, body: said('too_many_requests', 'API rate limit exceeded.') };
    sim.fail({ kind: 'answer', answer });
    await collect(provider.list(within(600_000)));
    expect(clock.now()).toBeGreaterThanOrEqual(reset * 1_000);
  });

  test('that would end after the deadline is told, with how long it takes', async () => {
    const { provider, sim, within } = harness;
    const answer = { status: 429, headers: { 'retry-after': '120' }, body: '{}' };
    sim.fail({ kind: 'answer', answer, times: 10 });
    const error = await provider
      .find(harness.makeSpec().key, within(60_000))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ providerCode: 'rate-limited', info: { retryable: true, status: 429 } });
  });

  test('is never exceeded by spuff itself: 250 requests take a minute', async () => {
    const { provider, sim, clock, within } = harness;
    const [from, first] = [clock.now(), sim.requests.length];
    for (let nth = 0; nth < 260; nth++) await provider.get('4242', within(600_000));
    expect(clock.now() - from).toBeGreaterThanOrEqual(260 * 230);
    expect(sim.requests.slice(first).filter(({ status }) => status === 429)).toEqual([]);
  });
});

describe('access', () => {
  test('names the account, the team and how many machines there may be', async () => {
    const { provider, cloud, within } = harness;
    cloud.plant({});
    cloud.machineLimit = 25;
    expect(await provider.checkAccess(within(60_000))).toEqual({
      account: 'sammy@example.com (My Team)',
      missing: [],
      quota: { vms: { used: 1, limit: 25 } },
    });
  });

  test('names each scope that reads and that the token lacks, all at once', async () => {
    const { provider, cloud, within } = harness;
    const all = [
      'account',
      'tag',
      'droplet',
      'firewall',
      'snapshot',
      'image',
      'actions',
      'regions',
      'sizes',
      'ssh_key',
    ];
    for (const scope of all.map((word) => `${word}:read`)) {
      cloud.missingScopes = [scope];
      expect((await provider.checkAccess(within(60_000))).missing).toEqual([scope]);
    }
    cloud.missingScopes = all.map((word) => `${word}:read`);
    const report = await provider.checkAccess(within(60_000));
    expect(report.missing.toSorted()).toEqual(cloud.missingScopes.toSorted());
    expect(report).toMatchObject({ account: 'unknown', quota: {} });
  });

  test('changes nothing', async () => {
    const { provider, sim, within } = harness;
    const first = sim.requests.length;
    await provider.checkAccess(within(60_000));
    expect(new Set(sim.requests.slice(first).map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  test('tells an account that is locked', async () => {
    const { provider, cloud, within } = harness;
    cloud.accountStatus = 'locked';
    await expect(provider.checkAccess(within(60_000))).rejects.toMatchObject({
      providerCode: 'account-locked',
      message: expect.stringContaining('Please contact support.'),
    });
    cloud.accountStatus = 'warning';
    await expect(provider.checkAccess(within(60_000))).resolves.toMatchObject({ missing: [] });
  });
});

test('the scope that a refusal names is that of the official description', () => {
  expect(routes.length).toBeGreaterThan(25);
  for (const { method, path, scopes } of routes) {
    const place = path.source
      .replace(/^\^|\$$/g, '')
      .replaceAll('\\/', '/')
      .replaceAll('([^/]+)', '1');
    expect(scopes, `${method} ${place}`).toContain(scopeOf(method, place));
  }
});

test('a catalogue marks what can not be had, and has no price that is off by a float', async () => {
  const { provider, cloud, within } = harness;
  cloud.fullRegions = ['fra1'];
  const { regions, sizes, images } = await provider.catalog(within(60_000));
  cloud.fullRegions = [];
  expect(regions).toContainEqual({ id: 'ams2', available: false });
  const size = (id: string) => sizes.find((one) => one.id === id);
  expect(size('s-2vcpu-2gb-amd')).toEqual({
    id: 's-2vcpu-2gb-amd',
    ...{ vcpus: 2, memoryMiB: 2_048, diskGiB: 60, arch: 'x86_64', gpu: false },
    hourly: { amount: '0.02083', currency: 'USD', basis: 'net' },
    regions: [{ id: 'fra1', available: false, deprecatedAfter: null }],
  });
  expect(size('s-1vcpu-1gb')?.regions).toContainEqual({ id: 'nyc3', available: true, deprecatedAfter: null });
  expect(size('s-8vcpu-16gb')?.regions).toEqual([]);
  expect(size('gpu-h100x1-80gb')?.gpu).toBe(true);
  expect(images.map(({ ref }) => ref.kind === 'slug' && ref.slug)).toEqual([
    ...['debian-12', 'debian-11', 'ubuntu-22.04', 'ubuntu-24.04'],
  ]);
});
