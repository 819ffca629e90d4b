/** A limit on what a machine may cost, turned into the time that it may live. */
import { SpuffError } from './errors.ts';
import { affordableMs, costOf, formatMoney, type MoneyLimit, type Tariff } from './money.ts';
import type { Money, ProviderId } from './provider.ts';

/**
 * What may pass between a deadline and the end of the bill: a reaper has to come by, and the provider has to be done. A
 * lease that is made of a budget ends so much earlier, because a started hour is a whole one.
 */
export const endSlackMs = 5 * 60_000;

/** A machine that goes before anybody has used it is not what a budget is for. */
const leastLeaseMs = 5 * 60_000;

/** The most that a machine can cost whose lease lasts so long. */
export function mostCost(tariff: Tariff, leaseMs: number): Money {
  return costOf(tariff, leaseMs + endSlackMs);
}

/**
 * The longest lease that costs no more than the limit.
 * @param tariff null: the price is not known
 * @throws SpuffError `usage` naming why the limit can't be kept
 */
export function leaseWithin(limit: MoneyLimit, tariff: Tariff | null, provider: ProviderId): number {
  const written = `--max-spend ${limit.amount}${limit.currency}`;
  if (tariff === null) {
    throw new SpuffError('usage', `${written} can't be kept: what the machine costs is not known`, {
      hints: [
        'limit its time instead: --ttl 8h',
        `or name a size whose price is told: spuff sizes --provider ${provider}`,
      ],
    });
  }
  const { currency } = tariff.hourly;
  if (currency !== limit.currency) {
    throw new SpuffError(
      'usage',
      `${provider} bills in ${currency}, and ${written} is in ${limit.currency}`,
      {
        hints: [`name an amount in ${currency}: no rate of exchange is guessed`],
      },
    );
  }
  const leaseMs = affordableMs(tariff, limit.amount) - endSlackMs;
  if (leaseMs >= leastLeaseMs) return leaseMs;
  const least = mostCost(tariff, leastLeaseMs);
  throw new SpuffError('usage', `${written} does not cover the least that this machine costs`, {
    hints: [
      `its least charge, with a few minutes to end it in, is ${formatMoney(least, 6)}`,
      'name a smaller size, or a larger amount',
    ],
  });
}
