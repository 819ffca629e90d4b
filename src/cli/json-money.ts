/** What the shapes of `--json` say about money. */
import * as z from 'zod/mini';

export const money = z.strictObject({
  amount: z.string(),
  currency: z.string(),
  basis: z.enum(['net', 'gross', 'unspecified']),
});
export const tariff = z.strictObject({
  hourly: money,
  granularity: z.enum(['second', 'hour']),
  minSeconds: z.number(),
  minCharge: z.optional(money),
});
export const moneyLimit = z.strictObject({ amount: z.string(), currency: z.string() });

export const runningCost = z.strictObject({
  key: z.string(),
  name: z.string(),
  provider: z.string(),
  size: z.string(),
  directory: z.string(),
  hourly: money,
  soFar: money,
  most: z.nullable(money),
  expiresAt: z.nullable(z.iso.datetime()),
});

export const costGroup = z.strictObject({
  by: z.enum(['day', 'provider', 'project', 'instance']),
  rows: z.array(z.strictObject({ label: z.nullable(z.string()), costs: z.array(money) })),
});

export const unknownCost = z.strictObject({
  key: z.string(),
  name: z.string(),
  provider: z.string(),
  why: z.enum(['price', 'end']),
});

export const budgetUse = z.strictObject({ limit: money, spent: money, ahead: money, percent: z.number() });
