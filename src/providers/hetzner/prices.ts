import type { Money } from '../../domain/provider.ts';
import { type Fields, optionalArray, optionalObject, optionalText } from './fields.ts';

const maxFraction = 6;

/**
 * The price of an hour in a location, with tax: what the account pays. The API writes decimals such as
 * `0.0077350000000000000`, for the currency and the tax of the project's owner.
 * @returns null when the location has none
 * @see https://docs.hetzner.cloud/reference/cloud#tag/pricing
 */
export function hourlyIn(serverType: Fields, location: string, currency: string): Money | null {
  const price = optionalArray(serverType['prices'])
    .map(optionalObject)
    .find((one) => one['location'] === location);
  const amount = shortenDecimal(optionalText(optionalObject(price?.['price_hourly'])['gross']) ?? '');
  return amount === null ? null : { amount, currency, basis: 'gross' };
}

/** The price of a gigabyte of an image in a month, with tax; null where the answer has none. */
export function imageMonth(pricing: Fields): Money | null {
  const price = optionalObject(optionalObject(pricing['image'])['price_per_gb_month']);
  const amount = shortenDecimal(optionalText(price['gross']) ?? '');
  const currency = optionalText(pricing['currency']);
  return amount === null || currency === null ? null : { amount, currency, basis: 'gross' };
}

/** Without needless zeros, and rounded to a millionth; digit by digit, never by way of a float. null for what is no decimal. */
export function shortenDecimal(text: string): string | null {
  const [, whole, fraction = ''] = /^(\d{1,12})(?:\.(\d{1,40}))?$/.exec(text) ?? [];
  if (whole === undefined) return null;
  const scaled = BigInt(whole + fraction.slice(0, maxFraction).padEnd(maxFraction, '0'));
  const digits = (fraction.charAt(maxFraction) >= '5' ? scaled + 1n : scaled)
    .toString()
    .padStart(maxFraction + 1, '0');
  const rest = digits.slice(-maxFraction).replace(/0+$/, '');
  return digits.slice(0, -maxFraction) + (rest === '' ? '' : `.${rest}`);
}
