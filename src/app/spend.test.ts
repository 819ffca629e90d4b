/** What `up` may spend: `--max-spend`, and the monthly budget of the settings. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FakeRun, nowMs, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleReceipt } from '../../test/fakes/sample-receipt.ts';
import type { Tariff } from '../domain/money.ts';
import type { Capabilities, Money, Provider, Size, VmSpec } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { makeHostKey } from '../ssh/host-key.ts';
import { openStateStore } from '../state/state-store.ts';

const hourMs = 3_600_000;
const slackMs = 300_000;
const eur = (amount: string): Money => ({ amount, currency: 'EUR', basis: 'gross' });
const key = makeHostKey('login');
const byHour = { granularity: 'hour', minSeconds: 3_600, minCharge: null } as const;
const byTheHour: Tariff = { hourly: eur('1'), granularity: 'hour', minSeconds: 3_600 };

function makeSize(id: string, hourly: Money | null): Size {
  const offer = { available: true, deprecatedAfter: null };
  const regions = [
    { id: 'here', ...offer, hourly },
    { id: 'there', ...offer, hourly: hourly && eur('0.6') },
  ];
  return { id, vcpus: 4, memoryMiB: 8_192, diskGiB: 50, arch: 'x86_64', gpu: false, hourly, regions };
}

/** A cloud that refuses each order, after it was written down. */
function cloud(
  orders: VmSpec[] = [],
  billing: Capabilities['billing'] = byHour,
): FakeRun & { provider: Partial<Provider> } {
  return {
    directory: '/x',
    ssh: {
      makeHostKey: () => key,
      findLoginKeys: async () => ({ publicKeys: [key.publicKey], publicKeyPath: '/k.pub', notes: [] }),
      forget: async () => undefined,
    },
    provider: {
      caps: { maxUserDataBytes: 65_536, billing, firewall: 'none', prices: 'api' } as Capabilities,
      defaults: { region: 'here', size: 'middle', image: { kind: 'slug', slug: 'debian-12' } },
      catalog: async () => ({
        ...{ regions: [], images: [] },
        sizes: [makeSize('middle', eur('0.5')), makeSize('giant', null)],
      }),
      plan: () => ({ requests: [], hourly: null }),
      create: async (spec) => {
        orders.push(spec);
        throw new ProviderError('quota', 'no more', { provider: 'fake', op: 'create', retryable: false });
      },
      find: async () => null,
      async *leftovers() {
        yield* [];
      },
    },
  };
}

/** The lease in ms of what would be made. */
async function leaseOf(words: readonly string[], given: FakeRun = cloud()): Promise<number | null> {
  const { out, err } = await runLine(['up', 'x', '--dry-run', '--json', ...words], given);
  expect(err).not.toContain('error:');
  return JSON.parse(out).plans[0].ttlMs;
}

describe('up --max-spend', () => {
  it('ends the lease so early that ending it starts no hour more', async () => {
    expect(await leaseOf(['--max-spend', '5EUR'])).toBe(10 * hourMs - slackMs);
    expect(await leaseOf(['--max-spend', '5.49 EUR'])).toBe(10 * hourMs - slackMs);
    expect(await leaseOf(['--max-spend', '0.5eur'])).toBe(hourMs - slackMs);
    const bySecond = cloud([], { granularity: 'second', minSeconds: 60, minCharge: null });
    expect(await leaseOf(['--max-spend', '0.75EUR'], bySecond)).toBe(1.5 * hourMs - slackMs);
  });

  it('leaves an earlier end by --ttl or max_lifetime as it is', async () => {
    expect(await leaseOf(['--max-spend', '5EUR', '--ttl', '2h'])).toBe(2 * hourMs);
    expect(await leaseOf(['--max-spend', '500EUR'])).toBe(24 * hourMs);
    expect(await leaseOf(['--max-spend', '500EUR', '--ttl', 'off'])).toBe(1_000 * hourMs - slackMs);
  });

  it('goes by the dearest region that may be tried', async () => {
    expect(await leaseOf(['--max-spend', '6EUR', '--region', 'here,there'])).toBe(10 * hourMs - slackMs);
    expect(await leaseOf(['--max-spend', '6EUR', '--region', 'there'])).toBe(10 * hourMs - slackMs);
    expect(await leaseOf(['--max-spend', '6EUR', '--region', 'here'])).toBe(12 * hourMs - slackMs);
  });

  it('tells the price, the deadline and the most that it costs before anything is ordered', async () => {
    const orders: VmSpec[] = [];
    const { status, err } = await runLine(['up', 'x', '--max-spend', '5EUR'], cloud(orders));
    expect(status).toBe(13);
    const [said] = err.split('machine ordered');
    expect(said).toContain(
      'middle in here: 0.50 EUR an hour, at most 5.00 EUR in 9h 55m, until 2026-11-23 21:55 UTC (gross: taxes included)',
    );
    expect(said).toContain('its lease is cut to 9h 55m');
    expect(orders.map(({ expiresAt }) => expiresAt?.getTime())).toEqual([nowMs + 10 * hourMs - slackMs]);
  });

  it('changes nothing where nothing is billed, and says so', async () => {
    const { err } = await runLine(['up', 'x', '--dry-run', '--max-spend', '5EUR'], cloud([], null));
    expect(err).toContain('cost nothing');
  });

  it.each([
    [['--max-spend', '5USD'], /fake bills in EUR, and --max-spend 5USD is in USD/],
    [['--max-spend', '0.49EUR'], /does not cover the least[\s\S]*0\.50 EUR/],
    [['--max-spend', '5EUR', '--size', 'giant'], /what the machine costs is not known/],
    [['--max-spend', '5'], /write a number and a currency/],
    [['--max-spend', '0EUR'], /not an amount/],
  ])('refuses %j, and orders nothing', async (words, text) => {
    const orders: VmSpec[] = [];
    const { status, err } = await runLine(['up', 'x', ...words], cloud(orders));
    expect(err).toMatch(text);
    expect({ status, orders }).toEqual({ status: 2, orders: [] });
  });

  it('does not go on with what has a longer lease already', async () => {
    const state = new MemoryState([sampleInstance({ name: 'x', phase: 'creating', vmId: null })]);
    const { status, err } = await runLine(['up', 'x', '--max-spend', '1EUR'], { ...cloud(), state });
    expect(status).toBe(5);
    expect(err).toContain('spuff down x');
  });
});

describe('the price of a machine', () => {
  const full = (code: 'capacity' | 'quota', region: string) =>
    new ProviderError(code, `no room in ${region}`, { provider: 'fake', op: 'create', retryable: false });
  /** Has no room anywhere, and notes the price that is on record at each order. */
  async function pricesOnRecord(change: Partial<Provider> = {}): Promise<{ prices: string[]; err: string }> {
    const state = new MemoryState();
    const prices: string[] = [];
    const given = cloud();
    const create: Provider['create'] = async ({ region }) => {
      const [instance] = state.listInstances();
      prices.push(`${instance?.region}: ${instance?.tariff?.hourly.amount ?? 'not known'}`);
      throw full('capacity', region);
    };
    const provider = { ...given.provider, create, ...change };
    const { err } = await runLine(['up', 'x', '--region', 'here,there'], { ...given, provider, state });
    return { prices, err };
  }

  it('is that of the region that it is ordered in, also where the first has no room', async () => {
    const { prices, err } = await pricesOnRecord();
    expect(prices).toEqual(['here: 0.5', 'there: 0.6']);
    expect(err).toContain('in there: 0.60 EUR an hour');
  });

  it('is that of no other region where it can not be told', async () => {
    let asked = 0;
    const catalog: Provider['catalog'] = async () => {
      asked += 1;
      if (asked > 1) throw full('quota', 'here');
      return { regions: [], images: [], sizes: [makeSize('middle', eur('0.5'))] };
    };
    const { prices, err } = await pricesOnRecord({ catalog });
    expect(prices).toEqual(['here: 0.5', 'there: not known']);
    expect(err).toContain('what middle costs in there is not known');
  });
});

describe('a monthly budget', () => {
  /** 4 EUR are spent on what is gone, 2 on what runs, and 2 h more are 2 EUR, with what ending takes 3. */
  const history = () => {
    const expiresAt = new Date(nowMs + 2 * hourMs);
    const state = new MemoryState([sampleInstance({ name: 'other', tariff: byTheHour, expiresAt })]);
    const span = { createdAt: new Date(nowMs - 72 * hourMs), endedAt: new Date(nowMs - 68 * hourMs) };
    state.addReceipt(sampleReceipt({ tariff: byTheHour, ...span, cost: eur('4') }));
    return state;
  };
  const up = (amount: string, ...words: string[]) => {
    const monthlyBudgets = [{ amount, currency: 'EUR' }];
    return runLine(['up', 'x', '--dry-run', '--ttl', '50m', ...words], {
      ...{ ...cloud(), state: history(), settings: { monthlyBudgets } },
    });
  };

  it('is warned of from 80 % on, and refused above 100 %, with what is left', async () => {
    const far = await up('11.9');
    expect({ status: far.status, err: far.err }).toEqual({
      status: 0,
      err: expect.not.stringContaining('budget'),
    });
    const near = await up('11.8');
    expect(near.status).toBe(0);
    expect(near.err).toContain(
      'this month can come to 9.50 EUR (6.00 EUR spent, 3.50 EUR until the deadlines of what runs): 80 % of monthly_budget, 11.80 EUR',
    );
    expect((await up('9.5')).status).toBe(0);
    const over = await up('9.49');
    expect(over.status).toBe(13);
    expect(over.err).toMatch(/with x this month can come to[\s\S]*--over-budget/);
    expect(over.err).toContain('--max-spend 0.49EUR');
  });

  it('is passed over knowingly', async () => {
    const { status, err } = await up('5', '--over-budget');
    expect(status).toBe(0);
    expect(err).toContain('190 % of monthly_budget');
  });

  it('counts a machine without a deadline to the end of the month', async () => {
    const { status, err } = await up('90', '--ttl', 'off');
    expect(status).toBe(13);
    // Seven and a half days.
    expect(err).toMatch(/can come to 99\.00 EUR .*: monthly_budget is 90\.00 EUR/);
  });

  it('refuses what nobody knows the price of, and lets another currency be', async () => {
    const unknown = await up('50', '--size', 'giant');
    expect(unknown.status).toBe(13);
    expect((await up('50', '--size', 'giant', '--over-budget')).status).toBe(0);
    const settings = { monthlyBudgets: [{ amount: '1', currency: 'USD' }] };
    const { status, err } = await runLine(['up', 'x', '--dry-run'], {
      ...cloud(),
      state: history(),
      settings,
    });
    expect(status).toBe(0);
    expect(err).toContain('fake bills in EUR, which monthly_budget says nothing about');
  });

  it('lets only one of two through that would both just fit, and leaves no trace of the other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spuff-budget-'));
    const state = openStateStore({ path: join(folder, 'state.db') });
    try {
      const orders: VmSpec[] = [];
      const settings = { monthlyBudgets: [{ amount: '0.75', currency: 'EUR' }] };
      const given = { ...cloud(orders), state, settings };
      const { err } = await runLine(['up', 'one', 'two', '--ttl', '50m'], given);
      expect(orders).toHaveLength(1);
      expect(err).toMatch(
        /error: (?:one|two): with (?:one|two) this month can come to 1\.00 EUR .* 0\.75 EUR/,
      );
      expect(state.listInstances()).toEqual([]);
    } finally {
      state.close();
      rmSync(folder, { recursive: true });
    }
  });
});
