import type { Capabilities, Money } from './provider.ts';

/** What a machine costs: its price, and how the provider counts time. */
export interface Tariff {
  hourly: Money;
  granularity: 'second' | 'hour';
  minSeconds: number;
}

/** null where nothing is billed, or the price is not known. */
export function tariffOf(hourly: Money | null, billing: Capabilities['billing']): Tariff | null {
  if (hourly === null || billing === null) return null;
  return { hourly, granularity: billing.granularity, minSeconds: billing.minSeconds };
}

/** Money is counted in millionths of its unit: prices have up to five decimals, and a float would lose some. */
const unit = 1_000_000n;

/** What so much time costs, started hours counting whole where the provider counts hours. */
export function costOf({ hourly, granularity, minSeconds }: Tariff, elapsedMs: number): Money {
  const seconds = Math.max(minSeconds, Math.ceil(Math.max(0, elapsedMs) / 1_000));
  const billed = granularity === 'hour' ? Math.ceil(seconds / 3_600) * 3_600 : seconds;
  return { ...hourly, amount: writeAmount((readAmount(hourly.amount) * BigInt(billed)) / 3_600n) };
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
