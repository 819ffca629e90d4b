import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHourly } from './price.ts';

test.each([
  [0.005950000136137009, '0.00595'],
  [0.00743999984115362, '0.00744'],
  [0.00892999954521656, '0.00893'],
  [0.020829999, '0.02083'],
  [0.02082999981939793, '0.02083'],
  [0.02083, '0.02083'],
  [0.03571000099182129, '0.03571'],
  [3.390000104904175, '3.39'],
  [27.1299991607666, '27.13'],
  [0, '0'],
  [1, '1'],
  [10, '10'],
  [100.5, '100.5'],
  // Nobody wrote that down: it was made by a division.
  [1 / 3, '0.333333'],
])('the price that comes as %d is %s', (price, amount) => {
  expect(toHourly(price)).toEqual({ amount, currency: 'USD', basis: 'net' });
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 10_000])('%d is no price', (price) => {
  expect(toHourly(price)).toBeNull();
});

test('every price of up to five decimals comes back as it was, through a float of 32 bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9_999_999 }), (hundredThousandths) => {
      const digits = String(hundredThousandths).padStart(6, '0');
      const written = `${digits.slice(0, -5)}.${digits.slice(-5)}`;
      const back = toHourly(Math.fround(Number(written)))?.amount ?? '';
      expect(Math.fround(Number(back))).toBe(Math.fround(Number(written)));
      expect(back).toMatch(/^\d+(?:\.\d{1,5})?$/);
      // A float of 32 bits tells seven digits apart.
      if (hundredThousandths < 1_000_000) expect(Number(back)).toBe(Number(written));
    }),
  );
});
