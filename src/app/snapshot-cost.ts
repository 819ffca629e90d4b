import { scaleMoney } from '../domain/money.ts';
import type { Money, ProviderId, StoragePrice } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { type AppContext, callOptions } from './context.ts';
import type { ListedSnapshot } from './snapshots.ts';

export interface PricedSnapshot extends ListedSnapshot {
  /** What it costs a month; null: nothing is billed, or it is not known. */
  monthly: Money | null;
}

/** Asks each provider once. That a price can not be had is no reason to show nothing. */
export async function priceSnapshots<T extends ListedSnapshot>(
  context: AppContext,
  listed: readonly T[],
): Promise<(T & PricedSnapshot)[]> {
  const billed = listed.filter(({ snapshot }) => snapshot.billed);
  const prices = new Map<ProviderId, StoragePrice | null>();
  for (const id of new Set(billed.map(({ provider }) => provider)))
    prices.set(id, await findPrice(context, id));
  return listed.map((one) => {
    const price = prices.get(one.provider) ?? null;
    const { sizeBytes, billed: isBilled } = one.snapshot;
    const isKnown = price !== null && sizeBytes !== null && isBilled;
    return { ...one, monthly: isKnown ? scaleMoney(price.monthly, sizeBytes, price.perBytes) : null };
  });
}

async function findPrice(context: AppContext, id: ProviderId): Promise<StoragePrice | null> {
  const { snapshots } = await context.provider(id);
  try {
    return (await snapshots?.price?.(callOptions(context, 15_000))) ?? null;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    context.progress.warn(`what snapshots cost at ${id} is not known: ${error.message}`);
    return null;
  }
}
