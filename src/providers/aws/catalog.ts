import type { CallOptions, Money, Provider, Region, Size } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { listKnownImages } from './images.ts';
import { listPrices } from './prices.ts';
import { itemsOf, textOf } from './read-xml.ts';
import { type Aws, callIn } from './regions.ts';
import { listOffered, listSizes, type SizeFacts } from './sizes.ts';

export function createCatalog(aws: Aws): Pick<Provider, 'catalog'> {
  const { client, regions } = aws;
  return {
    /** Regions: all of AWS, of which those that machines are made in are available. Prices: of the first of those. */
    async catalog(options) {
      const home = callIn(regions.home, 'catalog', options);
      const [known, sizes, offered, images, priced] = await Promise.all([
        listRegions(aws, options),
        listSizes(client, home),
        Promise.all(
          regions.all().map(async (region) => ({
            id: region,
            sizes: await listOffered(client, callIn(region, 'catalog', options)),
          })),
        ),
        listKnownImages(client, home),
        readPrices(aws, options),
      ]);
      const toSize = (size: SizeFacts): Size => ({
        ...size,
        hourly: priced.get(size.id) ?? null,
        regions: offered.map((region) => ({
          ...{ id: region.id, available: region.sizes.has(size.id), deprecatedAfter: null },
        })),
      });
      return { regions: known, sizes: sizes.map(toSize), images };
    },
  };
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html */
async function listRegions({ client, regions }: Aws, options: CallOptions): Promise<Region[]> {
  const answer = await client.ec2(callIn(regions.home, 'catalog', options), 'DescribeRegions', {
    AllRegions: true,
  });
  const used = regions.all();
  const known = new Map<string, boolean>(used.map((id) => [id, false]));
  for (const node of itemsOf(answer, 'regionInfo')) {
    const id = textOf(node, 'regionName');
    if (id !== null) known.set(id, textOf(node, 'optInStatus') !== 'not-opted-in');
  }
  return [...known].map(([id, available]) => ({ id, available }));
}

/**
 * All of them or none: of some only, the cheapest would not be the cheapest. That they are not to be had is no reason to show
 * no sizes.
 */
async function readPrices({ client, regions }: Aws, options: CallOptions): Promise<Map<string, Money>> {
  try {
    return await listPrices(client, regions.home, options);
  } catch (error) {
    if (error instanceof ProviderError && ['forbidden', 'server'].includes(error.providerCode))
      return new Map();
    throw error;
  }
}
