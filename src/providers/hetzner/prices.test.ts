import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hourlyIn, imageMonth, shortenDecimal } from './prices.ts';

describe('a price', () => {
  it.each([
    ['0.0077350000000000000', '0.007735'],
    ['1.1900', '1.19'],
    ['0.0208299990', '0.02083'],
    ['0.0000004', '0'],
    ['0.0000005', '0.000001'],
    ['0.9999996', '1'],
    ['10', '10'],
    ['12.000000', '12'],
    ['0.30000000000000004', '0.3'],
  ])('%s is %s', (text, short) => {
    expect(shortenDecimal(text)).toBe(short);
  });

  it.each(['', '-1', '1e-3', '.5', '5.', 'NaN', '1,5', '1.2.3'])('%j is none', (text) => {
    expect(shortenDecimal(text)).toBeNull();
  });

  it('of six digits or less comes back as it was', () => {
    fc.assert(
      fc.property(fc.nat({ max: 9_999 }), fc.nat({ max: 999_999 }), (whole, millionths) => {
        const text = `${whole}.${String(millionths).padStart(6, '0')}`;
        const short = shortenDecimal(`${text}0000`) ?? '';
        const [a = '', b = ''] = short.split('.');
        expect(`${a}.${b.padEnd(6, '0')}`).toBe(text);
        expect(short).not.toMatch(/\.\d*0$/);
      }),
    );
  });

  it('is the one of the location, with tax', () => {
    const hour = (net: string, gross: string) => ({ net, gross });
    const type = {
      prices: [
        { location: 'fsn1', price_hourly: hour('0.0100', '0.011900') },
        { location: 'ash', price_hourly: hour('0.0200', '0.023800') },
        { location: 'hel1' },
      ],
    };
    expect(hourlyIn(type, 'ash', 'EUR')).toEqual({ amount: '0.0238', currency: 'EUR', basis: 'gross' });
    expect(hourlyIn(type, 'hel1', 'EUR')).toBeNull();
    expect(hourlyIn(type, 'sin', 'EUR')).toBeNull();
    expect(hourlyIn({}, 'fsn1', 'EUR')).toBeNull();
  });

  it('of what an image takes is that with tax, or none', () => {
    const image = { price_per_gb_month: { net: '0.0110', gross: '0.01309000' } };
    expect(imageMonth({ currency: 'EUR', image })).toEqual({
      amount: '0.01309',
      currency: 'EUR',
      basis: 'gross',
    });
    expect(imageMonth({ image })).toBeNull();
    expect(imageMonth({ currency: 'EUR' })).toBeNull();
  });
});
