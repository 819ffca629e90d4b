import type { Capabilities, Money } from './provider.ts';

/** What a machine costs: its price, and how the provider counts time. */
export interface Tariff {
  hourly: Money;
  granularity: 'second' | 'hour';
  minSeconds: number;
  /** The least that any machine costs, where that is more than its time. */
  minCharge?: Money;
}

/** null where nothing is billed, or the price is not known. */
export function tariffOf(hourly: Money | null, billing: Capabilities['billing']): Tariff | null {
  if (hourly === null || billing === null) return null;
  const { granularity, minSeconds, minCharge } = billing;
  return { hourly, granularity, minSeconds, ...(minCharge?.currency === hourly.currency && { minCharge }) };
}

/** Money is counted in millionths of its unit: prices have up to five decimals, and a float would lose some. */
const unit = 1_000_000n;

/** What so much time costs, started hours counting whole where the provider counts hours. */
export function costOf({ hourly, granularity, minSeconds, minCharge }: Tariff, elapsedMs: number): Money {
  const seconds = Math.max(minSeconds, Math.ceil(Math.max(0, elapsedMs) / 1_000));
  const billed = granularity === 'hour' ? Math.ceil(seconds / 3_600) * 3_600 : seconds;
  const cost = (readAmount(hourly.amount) * BigInt(billed)) / 3_600n;
  const least = readAmount(minCharge?.amount ?? '0');
  // What costs nothing is not charged for.
  return { ...hourly, amount: writeAmount(cost > 0n && cost < least ? least : cost) };
}

/**
 * The longest time that costs no more than `amount`, in whole seconds.
 * @returns 0 where not even the least charge is covered, Infinity where time costs nothing
 */
export function affordableMs(tariff: Tariff, amount: string): number {
  const [price, budget] = [readAmount(tariff.hourly.amount), readAmount(amount)];
  if (price === 0n) return Number.POSITIVE_INFINITY;
  if (readAmount(costOf(tariff, 0).amount) > budget) return 0;
  // A cost is cut to a millionth: what begins the next millionth is still bought.
  const seconds = ((budget + 1n) * 3_600n - 1n) / price;
  const whole = tariff.granularity === 'hour' ? (budget / price) * 3_600n : seconds;
  return Number(whole) * 1_000;
}

/** Of one currency; a sum of net and gross amounts is neither. */
export function addMoney(one: Money, other: Money): Money {
  const basis = one.basis === other.basis ? one.basis : 'unspecified';
  return { ...one, basis, amount: writeAmount(readAmount(one.amount) + readAmount(other.amount)) };
}

/** What is left of `one`, and nothing where `other` is more. */
export function subtractMoney(one: Money, other: Money): Money {
  const left = readAmount(one.amount) - readAmount(other.amount);
  return { ...one, amount: writeAmount(left > 0n ? left : 0n) };
}

/** `one` in hundredths of `other`, rounded down; 100 and more of nothing is Infinity. */
export function percentOf(one: string, other: string): number {
  const [part, whole] = [readAmount(one), readAmount(other)];
  if (whole === 0n) return part === 0n ? 0 : Number.POSITIVE_INFINITY;
  return Number((part * 100n) / whole);
}

/** So many parts of a price that is for `unit` of them, cut to a millionth. */
export function scaleMoney(price: Money, count: number, unit: number): Money {
  const amount = (readAmount(price.amount) * BigInt(Math.round(count))) / BigInt(Math.round(unit));
  return { ...price, amount: writeAmount(amount) };
}

/** An amount of a currency, as a limit is written: `5EUR`, `5.50 USD`. */
export interface MoneyLimit {
  amount: string;
  currency: string;
}

/** Reads `5EUR`, `5.50USD` and `5 EUR`, in letters of either case; null for anything else, and for nothing at all. */
export function parseMoneyLimit(text: string): MoneyLimit | null {
  const [, amount = '', currency = ''] = /^(\d{1,9}(?:\.\d{1,6})?) ?([A-Za-z]{3})$/.exec(text.trim()) ?? [];
  const value = readAmount(amount);
  return value === 0n ? null : { amount: writeAmount(value), currency: currency.toUpperCase() };
}

/** Which of two amounts of one currency is less; an unknown price comes last. */
export function compareMoney(one: Money | null, other: Money | null): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  const difference = readAmount(one.amount) - readAmount(other.amount);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function readAmount(amount: string): bigint {
  const [whole = '0', decimals = ''] = amount.split('.');
  return BigInt(whole) * unit + BigInt(decimals.slice(0, 6).padEnd(6, '0'));
}

function writeAmount(value: bigint): string {
  const decimals = String(value % unit)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return decimals === '' ? String(value / unit) : `${value / unit}.${decimals}`;
}

/** Whether what a provider bills comes on top of it, or is in it. */
export function describeBasis(basis: Money['basis']): string {
  return { net: 'net: taxes come on top', gross: 'gross: taxes included', unspecified: 'taxes not told' }[
    basis
  ];
}

/** For people: `0.44 USD`; up to `decimals` digits, and at least two. Less than the last of them is shown as such. */
export function formatMoney({ amount, currency }: Money, decimals = 2): string {
  const step = 10n ** BigInt(6 - decimals);
  const value = readAmount(amount);
  if (value > 0n && value < step) return `<${writeAmount(step)} ${currency}`;
  const half: bigint = step / 2n;
  const rounded: bigint = ((value + half) / step) * step;
  const [whole = '0', rest = ''] = writeAmount(rounded).split('.');
  return `${whole}.${rest.padEnd(2, '0')} ${currency}`;
}
