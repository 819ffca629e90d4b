import type { CallOptions, Money, Provider, Region, Size } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { listKnownImages } from './images.ts';
import type { PriceList } from './prices.ts';
import { itemsOf, textOf } from './read-xml.ts';
import { type Aws, callIn } from './regions.ts';
import { listOffered, listSizes, type SizeFacts } from './sizes.ts';

/** Sizes that a development machine is likely to have: each price is a request of its own, so only these have one here. */
const pricedSize = /^(?:t3|t4g)\.(?:micro|small|medium|large|xlarge|2xlarge)$/;

export function createCatalog(aws: Aws, prices: PriceList): Pick<Provider, 'catalog'> {
  const { client, regions } = aws;
  return {
    /** Regions: all of AWS, of which those that machines are made in are available. Prices: of the first of those. */
    async catalog(options) {
      const home = callIn(regions.home, 'catalog', options);
      const [known, sizes, offered, images] = await Promise.all([
        listRegions(aws, options),
        listSizes(client, home),
        Promise.all(
          regions.all().map(async (region) => ({
            id: region,
            sizes: await listOffered(client, callIn(region, 'catalog', options)),
          })),
        ),
        listKnownImages(client, home),
      ]);
      const priced = await readPrices(sizes, regions.home, prices, options);
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

/** A size whose price is not to be had has none here; that is no reason to show no sizes. */
async function readPrices(
  sizes: readonly SizeFacts[],
  region: string,
  prices: PriceList,
  options: CallOptions,
): Promise<Map<string, Money>> {
  const asked = sizes.filter(({ id }) => pricedSize.test(id)).map(({ id }) => id);
  const priced = new Map<string, Money>();
  try {
    await Promise.all(
      asked.map(async (size) => {
        const price = await prices.onDemand(size, region, options);
        if (price) priced.set(size, price);
      }),
    );
  } catch (error) {
    if (!(error instanceof ProviderError) || !['forbidden', 'server'].includes(error.providerCode))
      throw error;
  }
  return priced;
}
