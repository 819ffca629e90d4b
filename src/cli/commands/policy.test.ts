import { describe, expect, it } from 'vitest';
import { type FakeRun, nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import type { PolicyRule } from '../../domain/policy.ts';
import type { Capabilities, Money, Provider, Size } from '../../domain/provider.ts';
import { makeHostKey } from '../../ssh/host-key.ts';
import { jsonShapes } from '../json-shapes.ts';

const hourMs = 3_600_000;
const key = makeHostKey('login');
const rule = (name: PolicyRule['name'], value: unknown, where = '/etc/spuff/policy.yaml:3:1') =>
  ({ name, value, where }) as PolicyRule;
const eur: Money = { amount: '0.5', currency: 'EUR', basis: 'gross' };

/** A cloud that says what it was asked. */
function scene(policy: readonly PolicyRule[], change: FakeRun = {}) {
  const asked: string[] = [];
  const ask =
    <T>(name: string, answer: T) =>
    async () => {
      asked.push(name);
      return answer;
    };
  const offer = { available: true, deprecatedAfter: null };
  const size: Size = {
    ...{ id: 'middle', vcpus: 4, memoryMiB: 8_192, diskGiB: 50, arch: 'x86_64', gpu: false, hourly: eur },
    regions: [
      { id: 'here', ...offer },
      { id: 'there', ...offer },
    ],
  };
  const billing = { granularity: 'hour', minSeconds: 3_600, minCharge: null } as const;
  const provider: Partial<Provider> = {
    caps: { maxUserDataBytes: 65_536, billing, firewall: 'by-label', prices: 'api' } as Capabilities,
    defaults: { region: 'here', size: 'middle', image: { kind: 'slug', slug: 'debian-12' } },
    catalog: ask('catalog', { regions: [], images: [], sizes: [size] }),
    find: ask('find', null),
    firewall: { show: ask('show', []), set: ask('set', undefined) },
    plan: () => ({ requests: [], hourly: null }),
  };
  const ssh = {
    makeHostKey: () => key,
    findLoginKeys: async () => ({ publicKeys: [key.publicKey], publicKeyPath: '/k.pub', notes: [] }),
    openSession: ask('session', 0),
  };
  const { settings, ...rest } = change;
  const run: FakeRun = {
    ...{ policy, provider, ssh, state: new MemoryState([sampleInstance()]) },
    settings: { firewall: ['192.0.2.1/32'], ...settings } as never,
    ...rest,
  };
  return { asked, run: (...argv: string[]) => runLine(argv, run) };
}

describe('a policy', () => {
  it.each<[PolicyRule, string[], FakeRun['settings']]>([
    [rule('providers', ['aws']), ['up', 'x'], {}],
    [rule('regions', ['there']), ['up', 'x'], {}],
    [rule('regions', ['here']), ['up', 'x', '--region', 'here,there'], {}],
    [rule('sizes', ['small*']), ['up', 'x', '--size', 'middle'], {}],
    [rule('max_lifetime', hourMs), ['up', 'x'], {}],
    [rule('max_lifetime', 48 * hourMs), ['up', 'x', '--ttl', 'off'], {}],
    [rule('idle_timeout', hourMs), ['up', 'x'], {}],
    [rule('idle_timeout', 9 * hourMs), ['up', 'x', '--idle-timeout', 'off'], {}],
    [rule('firewall', 'no-open'), ['up', 'x'], { firewall: 'open' }],
    [rule('firewall', 'my-ip'), ['up', 'x'], { firewall: ['192.0.2.0/24'] }],
    [rule('forward_agent', 'guard'), ['up', 'x'], { forwardAgent: 'raw' }],
    [rule('forward_agent', 'guard'), ['ssh', 'demo'], { forwardAgent: 'raw' }],
    [rule('forward_agent', 'none'), ['exec', '-A', 'demo', '--', 'true'], { forwardAgent: 'guard' }],
    [rule('max_lifetime', 24 * hourMs), ['extend', 'demo', '1h', '--beyond'], {}],
    [rule('max_lifetime', 24 * hourMs), ['extend', 'demo', 'off', '--beyond'], {}],
    [rule('max_lifetime', 24 * hourMs), ['extend', 'demo', '--until', '2026-11-26T00:00Z', '--beyond'], {}],
    [rule('idle_timeout', hourMs), ['keep', 'demo', '--for', '2h'], {}],
    [rule('firewall', 'my-ip'), ['firewall', 'allow', 'demo', 'my-ip', '192.0.2.0/24'], {}],
    [rule('firewall', 'no-open'), ['firewall', 'allow', 'demo', '0.0.0.0/1', '128.0.0.0/1'], {}],
  ])('%j refuses %j before anybody is asked, with its place', async (given, argv, settings) => {
    const { asked, run } = scene([given], { settings: settings ?? {} });
    const { status, err } = await run(...argv);
    expect({ status, asked }).toEqual({ status: 3, asked: [] });
    expect(err).toContain(`/etc/spuff/policy.yaml:3:1: ${given.name}: `);
    expect(err).toContain('spuff policy show');
    // Without the rule it is not refused.
    expect((await scene([], { settings: settings ?? {} }).run(...argv)).status).not.toBe(3);
  });

  it('that wants a tailnet wants it of the settings, and then a key for it', async () => {
    const { asked, run } = scene([rule('tailscale', 'required')]);
    expect(await run('up', 'x')).toMatchObject({ status: 3, err: expect.stringContaining('tailscale on') });
    const on = scene([rule('tailscale', 'required')], { settings: { tailscale: true } });
    expect(await on.run('up', 'x')).toMatchObject({ status: 8, err: expect.stringContaining('TS_AUTHKEY') });
    expect([...asked, ...on.asked]).toEqual([]);
  });

  it('holds for a size that only the catalogue tells', async () => {
    const { asked, run } = scene([rule('sizes', ['small'])]);
    const { status, err } = await run('up', 'x', '--size', '2cpu-4gb');
    expect({ status, asked }).toEqual({ status: 3, asked: ['catalog'] });
    expect(err).toContain('sizes: middle is not allowed');
  });

  it('holds for what an earlier run left unfinished', async () => {
    const state = new MemoryState([sampleInstance({ name: 'half', phase: 'creating', region: 'there' })]);
    const { status, err } = await scene([rule('regions', ['here'])], { state }).run('up', 'half');
    expect(status).toBe(3);
    expect(err).toContain('spuff down half');
  });

  it('has a budget that nothing passes over', async () => {
    const limit = (amount: string, currency = 'EUR') => [rule('monthly_budget', [{ amount, currency }])];
    const up = ['up', 'x', '--dry-run', '--over-budget', '--ttl', '10h'];
    expect((await scene(limit('6')).run(...up)).status).toBe(0);
    const over = await scene(limit('4.49')).run(...up);
    expect(over).toMatchObject({
      status: 13,
      err: expect.stringContaining('policy.yaml:3:1: monthly_budget'),
    });
    const unknown = await scene(limit('100', 'USD')).run(...up);
    expect(unknown).toMatchObject({ status: 13, err: expect.stringContaining('says nothing about EUR') });
  });

  it('lets money decide where a lease has no end but that', async () => {
    const up = ['up', 'x', '--dry-run', '--ttl', 'off', '--max-spend', '1EUR'];
    expect((await scene([rule('max_lifetime', 3 * hourMs)]).run(...up)).status).toBe(0);
    expect((await scene([rule('max_lifetime', hourMs)]).run(...up)).status).toBe(3);
  });

  it('lets a life be made shorter that is too long already, and machines be destroyed', async () => {
    const { asked, run } = scene([rule('max_lifetime', hourMs), rule('providers', [])]);
    const until = new Date(nowMs + hourMs).toISOString();
    await run('extend', 'demo', '--until', until);
    expect(asked).toEqual(['find']);
  });

  it('says nothing of regions and sizes where nothing is billed', async () => {
    const rules = [rule('regions', []), rule('sizes', []), rule('firewall', 'my-ip')];
    const caps = { maxUserDataBytes: 65_536, billing: null, firewall: 'none' } as Capabilities;
    const defaults = { region: 'local', size: 'any', image: { kind: 'slug', slug: 'debian-12' } } as const;
    const provider = { caps, defaults, plan: () => ({ requests: [], hourly: null }) };
    expect((await scene(rules, { provider }).run('up', 'x', '--dry-run')).status).toBe(0);
  });
});

describe('spuff policy show', () => {
  const rules = [
    rule('regions', ['here', 'eu-*']),
    rule('max_lifetime', 24 * hourMs),
    rule('max_lifetime', 8 * hourMs, '/projects/here/spuff.policy.yaml:1:1'),
  ];

  it('shows which rule counts, and where it stands', async () => {
    const { out } = await scene(rules).run('policy', 'show');
    expect(
      out
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['regions', 'here, eu-*', '/etc/spuff/policy.yaml:3:1'],
      ['max_lifetime', '1d', '/etc/spuff/policy.yaml:3:1', 'a stricter one counts'],
      ['max_lifetime', '8h', '/projects/here/spuff.policy.yaml:1:1'],
    ]);
    expect((await scene([]).run('policy', 'show')).err).toContain('no policy holds here');
  });

  it('prints its shape', async () => {
    const shown = JSON.parse((await scene(rules).run('policy', 'show', '--json')).out);
    expect(jsonShapes['policy'].schema.safeParse(shown)).toMatchObject({ success: true });
    expect(shown.rules.map(({ counts }: { counts: boolean }) => counts)).toEqual([true, false, true]);
  });
});

describe('spuff policy check', () => {
  it('names what settings and instances do not keep to, with status 1', async () => {
    const { asked, run } = scene([rule('regions', ['there']), rule('max_lifetime', hourMs)]);
    const { status, out } = await run('policy', 'check');
    expect({ status, asked }).toEqual({ status: 1, asked: [] });
    expect(out.trimEnd().split('\n')).toEqual([
      'settings: regions: here is not allowed (allowed: there): /etc/spuff/policy.yaml:3:1',
      'settings: max_lifetime: a life of 1d is not allowed (at most: 1h): /etc/spuff/policy.yaml:3:1',
      'demo: regions: here is not allowed (allowed: there): /etc/spuff/policy.yaml:3:1',
      'demo: max_lifetime: a life of 1d is not allowed (at most: 1h): /etc/spuff/policy.yaml:3:1',
    ]);
    const json = JSON.parse((await run('policy', 'check', '--json')).out);
    expect(jsonShapes['policy-check'].schema.safeParse(json)).toMatchObject({ success: true });
    expect(json).toMatchObject({
      ok: false,
      findings: [{ subject: 'settings', rule: 'regions' }, {}, {}, {}],
    });
  });

  it('is content with what keeps to it', async () => {
    expect(await scene([rule('regions', ['here'])]).run('policy', 'check')).toMatchObject({ status: 0 });
  });
});
