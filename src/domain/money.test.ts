import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addMoney,
  affordableMs,
  compareMoney,
  costOf,
  formatMoney,
  parseMoneyLimit,
  percentOf,
  scaleMoney,
  subtractMoney,
  tariffOf,
} from './money.ts';
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

describe('a least charge', () => {
  const tariff = {
    hourly: usd('0.03571'),
    granularity: 'second',
    minSeconds: 60,
    minCharge: usd('0.01'),
  } as const;

  it('is what little time costs, and no more than that', () => {
    expect(costOf(tariff, 60_000).amount).toBe('0.01');
    expect(costOf(tariff, hourMs).amount).toBe('0.03571');
    expect(costOf({ ...tariff, hourly: usd('0') }, hourMs).amount).toBe('0');
  });

  it('counts in the currency of the price alone', () => {
    const billing = { granularity: 'second', minSeconds: 60, minCharge: usd('0.01') } as const;
    expect(tariffOf(usd('1'), billing)).toMatchObject({ minCharge: usd('0.01') });
    expect(tariffOf({ ...usd('1'), currency: 'EUR' }, billing)).not.toHaveProperty('minCharge');
  });
});

describe('the time that an amount buys', () => {
  const byHour = { hourly: usd('0.0074'), granularity: 'hour', minSeconds: 3_600 } as const;
  const bySecond = { hourly: usd('0.03571'), granularity: 'second', minSeconds: 60 } as const;

  it.each([
    [byHour, '0.0074', hourMs],
    [byHour, '0.014799', hourMs],
    [byHour, '0.0148', 2 * hourMs],
    [byHour, '0.0073', 0],
    [bySecond, '0.03571', hourMs],
    [bySecond, '0.000594', 0],
    [{ ...bySecond, minCharge: usd('0.01') }, '0.009', 0],
    [{ ...byHour, hourly: usd('0') }, '1', Number.POSITIVE_INFINITY],
  ] as const)('%j: %s', (tariff, amount, ms) => {
    expect(affordableMs(tariff, amount)).toBe(ms);
  });

  it('costs no more than that, and a second more does', () => {
    const amount = fc.integer({ min: 1, max: 5_000_000 }).map((micros) => (micros / 1e6).toFixed(6));
    const tariffs = fc.record({
      hourly: amount.map(usd),
      granularity: fc.constantFrom('hour', 'second'),
      minSeconds: fc.constantFrom(0, 60, 3_600),
    });
    fc.assert(
      fc.property(tariffs, amount, (tariff, limit) => {
        const ms = affordableMs(tariff, limit);
        const isWithin = (time: number) => compareMoney(costOf(tariff, time), usd(limit)) <= 0;
        expect(ms === 0 || isWithin(ms)).toBe(true);
        expect(isWithin(ms + 1_000) && ms > 0).toBe(false);
      }),
    );
  });
});

it.each([
  ['5EUR', { amount: '5', currency: 'EUR' }],
  ['5.50USD', { amount: '5.5', currency: 'USD' }],
  ['5 eur', { amount: '5', currency: 'EUR' }],
  ['0EUR', null],
  ['0.00EUR', null],
  ['5', null],
  ['-5EUR', null],
  ['5.1234567EUR', null],
  ['EUR5', null],
  ['5EURO', null],
  ['', null],
])('the limit %j is %j', (text, limit) => {
  expect(parseMoneyLimit(text)).toEqual(limit);
});

it('adds, takes away and shares without a float', () => {
  expect(addMoney(usd('0.1'), usd('0.2')).amount).toBe('0.3');
  expect(addMoney(usd('1'), { ...usd('1'), basis: 'gross' })).toEqual({ ...usd('2'), basis: 'unspecified' });
  expect(subtractMoney(usd('0.3'), usd('0.1')).amount).toBe('0.2');
  expect(subtractMoney(usd('0.1'), usd('0.3')).amount).toBe('0');
  expect([percentOf('0.8', '1'), percentOf('0.7999', '1'), percentOf('3', '2'), percentOf('0', '0')]).toEqual(
    [80, 79, 150, 0],
  );
  expect(scaleMoney(usd('0.06'), 2.25 * 2 ** 30, 2 ** 30).amount).toBe('0.135');
});
