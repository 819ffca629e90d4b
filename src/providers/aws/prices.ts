import type { CallOptions, Money } from '../../domain/provider.ts';
import type { AwsClient } from './client.ts';
import { pricingRegion } from './endpoints.ts';
import { filterBy } from './query-body.ts';
import { itemsOf, textOf } from './read-xml.ts';
import { callIn } from './regions.ts';

export interface PriceList {
  /** What an hour of a machine costs, without its disk and traffic; null where AWS names no price. */
  onDemand(size: string, region: string, options: CallOptions): Promise<Money | null>;
  /** The least that an hour of spot costs in any zone of the region just now; null where there is none. */
  spot(size: string, region: string, options: CallOptions): Promise<Money | null>;
}

/** Each price is one request: whoever asks often keeps the answers. */
export function createPriceList(client: AwsClient): PriceList {
  return {
    onDemand: (size, region, options) => readOnDemand(client, size, region, options),
    spot: (size, region, options) => readSpot(client, size, region, options),
  };
}

/** @see https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html */
async function readOnDemand(
  client: AwsClient,
  size: string,
  region: string,
  options: CallOptions,
): Promise<Money | null> {
  const call = callIn(pricingRegion, 'catalog', options);
  const filters = {
    ...{ instanceType: size, regionCode: region, operatingSystem: 'Linux', tenancy: 'Shared' },
    ...{ preInstalledSw: 'NA', capacitystatus: 'Used', marketoption: 'OnDemand' },
  };
  const answer = (await client.json(call, 'pricing', 'AWSPriceListService.GetProducts', {
    ServiceCode: 'AmazonEC2',
    FormatVersion: 'aws_v1',
    MaxResults: 10,
    Filters: Object.entries(filters).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value })),
  })) as { PriceList?: unknown } | null;
  const products = Array.isArray(answer?.PriceList) ? answer.PriceList : [];
  const amounts = products.flatMap((product) => hourlyAmounts(product));
  return amounts[0] === undefined ? null : toMoney(amounts[0]);
}

/** A product is JSON inside of JSON. Prices of 0 are of products that others pay for, such as a reservation. */
function hourlyAmounts(product: unknown): string[] {
  const { terms } = (typeof product === 'string' ? readJson(product) : product) as { terms?: unknown };
  const onDemand = (terms as { OnDemand?: unknown } | undefined)?.OnDemand;
  return valuesOf(onDemand)
    .flatMap((term) => valuesOf(term['priceDimensions']))
    .filter((dimension) => /^hrs$/i.test(String(dimension['unit'])))
    .map((dimension) => (dimension['pricePerUnit'] as { USD?: unknown } | undefined)?.USD)
    .filter((amount) => typeof amount === 'string' && /^\d+(?:\.\d+)?$/.test(amount) && /[1-9]/.test(amount))
    .map(String);
}

function readJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function valuesOf(value: unknown): Record<string, unknown>[] {
  return typeof value === 'object' && value !== null
    ? (Object.values(value) as Record<string, unknown>[])
    : [];
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSpotPriceHistory.html */
async function readSpot(
  client: AwsClient,
  size: string,
  region: string,
  options: CallOptions,
): Promise<Money | null> {
  const call = callIn(region, 'catalog', options);
  // From now on: the price of each zone that is in force.
  const answer = await client.ec2(call, 'DescribeSpotPriceHistory', {
    InstanceType: [size],
    ProductDescription: ['Linux/UNIX'],
    StartTime: new Date(client.runtime.now()).toISOString(),
    Filter: [filterBy('product-description', 'Linux/UNIX')],
  });
  const amounts = itemsOf(answer, 'spotPriceHistorySet')
    .map((item) => textOf(item, 'spotPrice') ?? '')
    .filter((amount) => /^\d+(?:\.\d+)?$/.test(amount))
    .sort((a, b) => Number(a) - Number(b));
  return amounts[0] === undefined ? null : toMoney(amounts[0]);
}

/** `0.0208000000` is `0.0208`; digits are cut, never computed. */
export function toMoney(amount: string): Money {
  const [whole = '0', fraction = ''] = amount.split('.');
  const cut = fraction.replace(/0+$/, '');
  return {
    amount: (whole.replace(/^0+(?=\d)/, '') || '0') + (cut === '' ? '' : `.${cut}`),
    currency: 'USD',
    basis: 'net',
  };
}
