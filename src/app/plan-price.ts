/** What the machine that `up` is to make costs, as the provider tells it. */
import { compareMoney, type Tariff, tariffOf } from '../domain/money.ts';
import type { Money, Provider, Size } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { type AppContext, callOptions } from './context.ts';
import type { ClockWatch } from './provider-clock.ts';

export interface PricedSize {
  size: string;
  /** Of the first region. */
  tariff: Tariff | null;
  /** Of the dearest of all regions that may be tried; null where the price in one of them is not known. */
  dearest: Tariff | null;
}

/** Where nothing is billed, a size is what the provider makes of its name. */
export async function priceSize(
  context: AppContext,
  provider: Provider,
  clock: Pick<ClockWatch, 'options'>,
  wish: { wanted: string; regions: readonly string[]; spot: boolean; isLimited: boolean },
): Promise<PricedSize> {
  const { wanted, regions, spot } = wish;
  const { billing } = provider.caps;
  if (billing === null) return { size: wanted, tariff: null, dearest: null };
  const { chooseSize } = await import('./choose-size.ts');
  const { sizes } = await provider.catalog(clock.options(60_000));
  const size = chooseSize(provider, sizes, wanted, regions);
  if (size.id !== wanted)
    context.progress.note(
      `${wanted}: ${size.id} (${size.vcpus} vCPU, ${size.memoryMiB / 1_024} GB) is the cheapest that fits`,
    );
  const prices: (Money | null)[] = [];
  // Where each price is a request, those of regions that may never be tried are asked for when a limit depends on them.
  const asked = provider.prices && !wish.isLimited ? regions.slice(0, 1) : regions;
  for (const region of asked) prices.push(await findPrice(context, provider, size, { region, spot }));
  // The unknown comes last, as the dearest.
  const dearest = prices.toSorted(compareMoney).at(-1) ?? null;
  return {
    size: size.id,
    tariff: tariffOf(prices[0] ?? null, billing),
    dearest: tariffOf(dearest, billing),
  };
}

/** What a size costs in one region, asked for anew; null where nothing is billed, or nobody tells. */
export async function priceIn(
  context: AppContext,
  provider: Provider,
  { size: id, region, spot }: { size: string; region: string; spot: boolean },
): Promise<Tariff | null> {
  const { billing } = provider.caps;
  if (billing === null) return null;
  try {
    const { sizes } = await provider.catalog(callOptions(context, 60_000));
    const size = sizes.find((one) => one.id === id);
    return size ? tariffOf(await findPrice(context, provider, size, { region, spot }), billing) : null;
  } catch (error) {
    if (!(error instanceof ProviderError) || context.signal.aborted) throw error;
    return null;
  }
}

/**
 * The price of the size as it is ordered, where the catalogue does not tell it. Spot costs no more than the usual price, so
 * that stands where the one of spot is not to be had; no price at all is no reason to make no machine that is named.
 */
async function findPrice(
  context: AppContext,
  { prices, defaults }: Provider,
  size: Size,
  { region, spot }: { region: string; spot: boolean },
): Promise<Money | null> {
  const ofRegion = size.regions.find(({ id }) => id === region)?.hourly ?? size.hourly;
  const told = prices && region !== defaults.region ? null : ofRegion;
  if (!prices) return told;
  const ask = async (kind: 'onDemand' | 'spot') => {
    try {
      return await prices[kind](size.id, region, callOptions(context, 15_000));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      return null;
    }
  };
  return (spot ? await ask('spot') : null) ?? told ?? (await ask('onDemand'));
}
