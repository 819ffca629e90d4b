import { describe, expect, it } from 'vitest';
import { compareMoney, costOf, formatMoney, tariffOf } from './money.ts';
import type { Money } from './provider.ts';

const usd = (amount: string): Money => ({ amount, currency: 'USD', basis: 'net' });
const hourMs = 3_600_000;

describe('costOf', () => {
  it.each([
    ['0.03571', 'second', 60, hourMs, '0.03571'],
    ['0.03571', 'second', 60, 90 * 60_000, '0.053565'],
    ['0.03571', 'second', 60, 1_000, '0.000595'],
    ['0.03571', 'second', 60, -5, '0.000595'],
    ['0.0074', 'hour', 3_600, 1, '0.0074'],
    ['0.0074', 'hour', 3_600, hourMs, '0.0074'],
    ['0.0074', 'hour', 3_600, hourMs + 1, '0.0148'],
    ['12', 'hour', 3_600, 100 * hourMs, '1200'],
  ] as const)(
    '%s an hour, by the %s: %i s at least, %i ms cost %s',
    (amount, granularity, minSeconds, ms, cost) => {
      expect(costOf({ hourly: usd(amount), granularity, minSeconds }, ms).amount).toBe(cost);
    },
  );

  it('has no tariff where nothing is billed or the price is unknown', () => {
    expect(tariffOf(usd('1'), null)).toBeNull();
    expect(tariffOf(null, { granularity: 'hour', minSeconds: 0, minCharge: null })).toBeNull();
  });
});

it('compares what floats would take for equal, and puts the unknown last', () => {
  const prices = [null, usd('0.3'), usd('0.10'), usd('10'), usd('0.100001'), null];
  const sorted = prices.sort(compareMoney).map((price) => price?.amount ?? null);
  expect(sorted).toEqual(['0.10', '0.100001', '0.3', '10', null, null]);
});

it.each([
  ['1200', 2, '1200.00 USD'],
  ['0.44499', 2, '0.44 USD'],
  ['0.445', 2, '0.45 USD'],
  ['0.000595', 2, '<0.01 USD'],
  ['0', 2, '0.00 USD'],
  ['0.03571', 5, '0.03571 USD'],
  ['0.5', 5, '0.50 USD'],
])('%s with %i decimals reads %s', (amount, decimals, text) => {
  expect(formatMoney(usd(amount), decimals)).toBe(text);
});
