import type { Region, Size } from '../domain/provider.ts';
import { isOffered, sortByPrice } from './choose-size.ts';
import { type AppContext, callOptions } from './context.ts';

export interface SizeFilter {
  provider?: string | undefined;
  region?: string | undefined;
  minCpu?: number | undefined;
  /** GB */
  minMemory?: number | undefined;
  gpu?: boolean | undefined;
}

const patienceMs = 60_000;

/** The sizes that can be had and fit, the cheapest first. */
export async function listSizes(
  context: AppContext,
  filter: SizeFilter,
): Promise<{ provider: string; sizes: Size[] }> {
  const provider = await context.provider(filter.provider ?? (await context.settings()).provider);
  const { sizes, regions } = await provider.catalog(callOptions(context, patienceMs));
  const places = filter.region === undefined ? regions.map(({ id }) => id) : [filter.region];
  const fitting = sizes.filter(
    (size) =>
      size.vcpus >= (filter.minCpu ?? 0) &&
      size.memoryMiB >= (filter.minMemory ?? 0) * 1_024 &&
      (!filter.gpu || size.gpu) &&
      isOffered(size, places),
  );
  return { provider: provider.id, sizes: sortByPrice(fitting) };
}

export interface ListedRegion extends Region {
  /** Whether the settings let machines be made there. */
  allowed: boolean;
}

/** The provider's regions, as it names and orders them. */
export async function listRegions(
  context: AppContext,
  wanted: string | undefined,
): Promise<{ provider: string; regions: ListedRegion[] }> {
  const settings = await context.settings();
  const provider = await context.provider(wanted ?? settings.provider);
  const { regions } = await provider.catalog(callOptions(context, patienceMs));
  const isAllowed = (id: string) =>
    provider.caps.billing === null || (settings.allowedRegions?.includes(id) ?? true);
  return {
    provider: provider.id,
    regions: regions.map((region) => ({ ...region, allowed: isAllowed(region.id) })),
  };
}
