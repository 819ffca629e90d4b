import type { Money } from '../../domain/provider.ts';

/**
 * The price that was meant. The API keeps prices as floats of 32 bits, so that 0.02083 comes as 0.020829999 or as
 * 0.02082999981939793: of all decimals that are this float, the shortest is what somebody wrote down. It has five digits
 * after the point at the most, but where a price was made by a division; those are rounded to six.
 */
export function toHourly(price: number): Money | null {
  if (!Number.isFinite(price) || price < 0 || price >= 10_000) return null;
  return { amount: shortestDecimal(price), currency: 'USD', basis: 'net' };
}

function shortestDecimal(price: number): string {
  const float = Math.fround(price);
  for (let decimals = 0; decimals <= 6; decimals++) {
    const text = price.toFixed(decimals);
    if (Math.fround(Number(text)) === float) return trimZeros(text);
  }
  return trimZeros(price.toFixed(6));
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/[.]?0+$/, '') : text;
}
