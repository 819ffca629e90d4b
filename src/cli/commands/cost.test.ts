import { describe, expect, it } from 'vitest';
import { type FakeRun, nowMs, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { sampleReceipt } from '../../../test/fakes/sample-receipt.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import type { Tariff } from '../../domain/money.ts';
import type { Receipt } from '../../domain/receipt.ts';

const hourMs = 3_600_000;
const usd: Tariff = {
  ...{ hourly: { amount: '0.5', currency: 'USD', basis: 'net' }, granularity: 'second', minSeconds: 60 },
};
const eur: Tariff = {
  ...{ hourly: { amount: '0.01', currency: 'EUR', basis: 'gross' }, granularity: 'hour', minSeconds: 3_600 },
};

let made = 0;
/** Of a machine that lived so many hours, from so many hours before now. */
function receipt(sinceHours: number, hours: number, change: Partial<Receipt> = {}): Receipt {
  const createdAt = new Date(nowMs - sinceHours * hourMs);
  const endedAt = new Date(createdAt.getTime() + hours * hourMs);
  const key = `01k0000000000000000000${String(++made).padStart(4, '0')}` as InstanceKey;
  return sampleReceipt({ key, createdAt, endedAt, tariff: usd, ...change });
}

function world(): FakeRun & { state: MemoryState } {
  const state = new MemoryState([
    sampleInstance({ name: 'web', tariff: usd, provider: 'digitalocean' }),
    sampleInstance({ name: 'free' }),
  ]);
  for (const one of [
    receipt(50, 4, { name: 'old', directory: '/projects/a', provider: 'digitalocean' }),
    receipt(49, 2, { name: 'small', directory: '/projects/b', provider: 'hetzner', tariff: eur }),
    receipt(24 * 22 + 13, 2, { name: 'october', provider: 'digitalocean', directory: null }),
  ])
    state.addReceipt(one);
  return { state };
}

describe('spuff cost', () => {
  it('shows what runs, and the month by day, provider and project', async () => {
    const { out, status } = await runLine(['cost'], world());
    expect(status).toBe(0);
    expect(out).toMatchInlineSnapshot(`
      "RUNNING  PROVIDER      SIZE   AN HOUR   SO FAR    AT MOST    LEASE ENDS
      web      digitalocean  small  0.50 USD  1.00 USD  12.04 USD  in 22h
      together 0.50 USD an hour

      DAY         COST
      2026-11-01  0.50 USD  ###############
      2026-11-02
      2026-11-03
      2026-11-04
      2026-11-05
      2026-11-06
      2026-11-07
      2026-11-08
      2026-11-09
      2026-11-10
      2026-11-11
      2026-11-12
      2026-11-13
      2026-11-14
      2026-11-15
      2026-11-16
      2026-11-17
      2026-11-18
      2026-11-19
      2026-11-20
      2026-11-21  0.02 EUR  ##########################################################
                  2.00 USD  ##########################################################
      2026-11-22
      2026-11-23  1.00 USD  #############################

      PROVIDER      COST
      digitalocean  3.50 USD  ########################################################
      hetzner       0.02 EUR  ########################################################

      PROJECT              COST
      /projects/a          2.00 USD  #################################################
      /projects/b          0.02 EUR  #################################################
      (not known)          0.50 USD  ############
      /projects/elsewhere  1.00 USD  #########################

      2026-11: 0.02 EUR (gross: taxes included) and 3.50 USD (net: taxes come on top)
      "
    `);
  });

  it('draws with what the terminal can show, as wide as it is', async () => {
    const { out } = await runLine(['cost', '--by', 'provider'], { ...world(), env: { LANG: 'C.UTF-8' } });
    const lines = out.split('\n');
    expect(lines.find((line) => line.startsWith('digitalocean'))).toMatch(
      /^digitalocean {2}3\.50 USD {2}█+$/,
    );
    expect(Math.max(...lines.filter((line) => line.includes('█')).map((line) => line.length))).toBe(80);
  });

  it('tells each instance of another month, with the part of it that was in there', async () => {
    const { out } = await runLine(['cost', '--month', '2026-10', '--by', 'instance', '--json'], world());
    const { groups, total, budgets } = JSON.parse(out);
    const half = { ...usd.hourly, amount: '0.5' };
    expect(groups).toEqual([{ by: 'instance', rows: [{ label: 'october', costs: [half] }] }]);
    expect({ total, budgets }).toEqual({ total: [half], budgets: [] });
  });

  it('names what is in no sum', async () => {
    const given = world();
    given.state.addReceipt(receipt(9, 1, { name: 'gone', endedAt: null }));
    given.state.insertInstance(sampleInstance({ name: 'priceless', provider: 'aws' }));
    const { out } = await runLine(['cost'], given);
    expect(out).toContain('not counted: gone (nobody saw its end), priceless (no price is known)');
  });

  it('says how far the budget is gone', async () => {
    const settings = { monthlyBudgets: [{ amount: '20', currency: 'USD' }] };
    const { out } = await runLine(['cost'], { ...world(), settings });
    // 22 hours are left of the lease, and what ending takes.
    expect(out).toContain('budget: 3.50 USD of 20.00 USD, and at most 14.54 USD with what runs (72 %)');
  });

  it('is nothing where there is nothing', async () => {
    expect(await runLine(['cost'])).toMatchObject({ status: 0, out: '2026-11: nothing\n' });
  });

  it.each(['2026-12', 'november', '2026-13'])('refuses the month %s', async (month) => {
    expect(await runLine(['cost', '--month', month])).toMatchObject({ status: 2, out: '' });
  });
});
