import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { sampleReceipt } from '../../test/fakes/sample-receipt.ts';
import { costOf, type Tariff } from './money.ts';
import type { Money } from './provider.ts';
import { endSlackMs } from './spend-limit.ts';
import { costAhead, costBetween, monthAt, parseMonth, readSpending, sumMoney } from './spending.ts';

const hourMs = 3_600_000;
const nowMs = Date.UTC(2026, 10, 23, 12);
const usd = (amount: string): Money => ({ amount, currency: 'USD', basis: 'net' });
const byHour: Tariff = { hourly: usd('0.5'), granularity: 'hour', minSeconds: 3_600 };
const bySecond: Tariff = { hourly: usd('0.36'), granularity: 'second', minSeconds: 60 };
const everywhere = () => true;

describe('what a machine cost between two moments', () => {
  it('counts a started hour to the day that it was started in', () => {
    const midnight = Date.UTC(2026, 10, 24);
    const spell = { tariff: byHour, startMs: midnight - 90 * 60_000, endMs: midnight + 90 * 60_000 };
    const before = costBetween(spell, midnight - 24 * hourMs, midnight);
    const after = costBetween(spell, midnight, midnight + 24 * hourMs);
    expect([before.amount, after.amount]).toEqual(['1', '0.5']);
  });

  it('is nothing before its start and after its end', () => {
    const spell = { tariff: bySecond, startMs: nowMs, endMs: nowMs + hourMs };
    expect(costBetween(spell, nowMs - hourMs, nowMs).amount).toBe('0');
    expect(costBetween(spell, nowMs + hourMs, nowMs + 9 * hourMs).amount).toBe('0');
  });

  it('adds up to the whole, however it is cut', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 100 * hourMs }), { maxLength: 8 });
    const lives = fc.integer({ min: 1, max: 90 * hourMs });
    fc.assert(
      fc.property(cuts, lives, fc.constantFrom(byHour, bySecond), (moments, lifeMs, tariff) => {
        const spell = { tariff, startMs: nowMs, endMs: nowMs + lifeMs };
        const edges = [0, ...moments.sort((a, b) => a - b), 200 * hourMs].map((ms) => nowMs + ms);
        const parts = edges.slice(1).map((edge, at) => costBetween(spell, edges[at] ?? 0, edge));
        expect(sumMoney(parts)).toEqual([costOf(tariff, lifeMs)]);
      }),
    );
  });
});

describe('what there is to know', () => {
  const read = (parts: Partial<Parameters<typeof readSpending>[0]>, isBilled = everywhere) =>
    readSpending({ instances: [], receipts: [], ...parts }, nowMs, isBilled);

  it('takes one that lives until now, and ahead until its deadline and what ending takes', () => {
    const expiresAt = new Date(nowMs + 2 * hourMs);
    const living = sampleInstance({ tariff: bySecond, createdAt: new Date(nowMs - hourMs), expiresAt });
    const [spell] = read({ instances: [living] }).spells;
    expect(spell).toMatchObject({ endMs: nowMs, latestEndMs: nowMs + 2 * hourMs + endSlackMs });
    expect(costBetween(spell!, 0, nowMs).amount).toBe('0.36');
    expect(costAhead(spell!, nowMs, nowMs + hourMs).amount).toBe('0.36');
    expect(costAhead(spell!, nowMs, nowMs + 99 * hourMs).amount).toBe('0.75');
  });

  it('takes one without a deadline to go on, and one past it to go just now', () => {
    const make = (expiresAt: Date | null) => sampleInstance({ tariff: bySecond, expiresAt });
    const [endless] = read({ instances: [make(null)] }).spells;
    expect(costAhead(endless!, nowMs, nowMs + 100 * hourMs).amount).toBe('36');
    const [late] = read({ instances: [make(new Date(nowMs - 5 * hourMs))] }).spells;
    expect(costAhead(late!, nowMs, nowMs + 100 * hourMs).amount).toBe('0');
  });

  it('takes one that was seen to be gone to have ended by then', () => {
    const vmState = { state: 'gone', checkedAt: new Date(nowMs - hourMs) } as const;
    const gone = sampleInstance({ tariff: bySecond, createdAt: new Date(nowMs - 2 * hourMs), vmState });
    const [spell] = read({ instances: [gone] }).spells;
    expect(costBetween(spell!, 0, nowMs).amount).toBe('0.36');
    expect(costAhead(spell!, nowMs, nowMs + hourMs).amount).toBe('0');
  });

  it('counts one that was missed long after its deadline until that, and what ending takes', () => {
    const [createdAt, expiresAt] = [new Date(nowMs - 200 * hourMs), new Date(nowMs - 199 * hourMs)];
    const vmState = { state: 'gone', checkedAt: new Date(nowMs - hourMs) } as const;
    const gone = sampleInstance({ tariff: bySecond, createdAt, expiresAt, vmState });
    const assumedEndAt = new Date(expiresAt.getTime() + endSlackMs);
    const receipt = sampleReceipt({ tariff: bySecond, createdAt, endedAt: null, assumedEndAt });
    const { spells, unknown } = read({ instances: [gone], receipts: [receipt] });
    expect(spells.map(({ endMs }) => endMs)).toEqual([assumedEndAt.getTime(), assumedEndAt.getTime()]);
    expect(unknown).toEqual([]);
  });

  it('names what it can not count, and not what costs nothing', () => {
    const unseen = sampleReceipt({ tariff: bySecond, endedAt: null });
    const priceless = sampleInstance({ tariff: null });
    const { unknown, spells } = read({ instances: [priceless], receipts: [unseen] });
    expect(spells).toEqual([]);
    expect(unknown.map(({ why }) => why)).toEqual(['end', 'price']);
    expect(read({ instances: [priceless] }, () => false).unknown).toEqual([]);
  });
});

it('adds only what can be added', () => {
  const gross = { ...usd('1'), basis: 'gross' } as const;
  const eur = { ...usd('2'), currency: 'EUR' };
  expect(sumMoney([usd('1'), eur, gross, usd('2')])).toEqual([eur, gross, usd('3')]);
});

it('knows months', () => {
  expect(monthAt(Date.UTC(2026, 11, 31, 23, 59))).toEqual({
    ...{ id: '2026-12', startMs: Date.UTC(2026, 11, 1), endMs: Date.UTC(2027, 0, 1) },
  });
  expect(parseMonth('2026-11')).toEqual(monthAt(nowMs));
  expect(['2026-13', '2026-00', '26-11', '2026-11-01', ''].map(parseMonth)).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});
