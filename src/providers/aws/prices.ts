import type { CallOptions, Money, PriceStore } from '../../domain/provider.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { pricingRegion } from './endpoints.ts';
import { failure } from './errors.ts';
import { filterBy } from './query-body.ts';
import { itemsOf, textOf } from './read-xml.ts';
import { callIn } from './regions.ts';

/** Each price is one request. */
export function createPriceStore(client: AwsClient): PriceStore {
  return {
    onDemand: async (size, region, options) => {
      const priced = await readProducts(client, { ...wanted(region), instanceType: size }, options);
      return priced.get(size) ?? null;
    },
    spot: (size, region, options) => readSpot(client, size, region, options),
  };
}

/**
 * What sizes of current machines have, up to the largest that somebody is likely to develop on. The products of a region are
 * asked for by these, because pages of one question come one after another, and those of several at the same time.
 */
const pricedVcpus = [2, 4, 8, 16, 1, 32, 48, 64, 12, 24, 36, 72, 96];
const atOnce = 4;

/** The prices of a region: of Linux, on demand, on shared hardware, for all sizes of up to 96 processors. */
export async function listPrices(
  client: AwsClient,
  region: string,
  options: CallOptions,
): Promise<Map<string, Money>> {
  const priced = new Map<string, Money>();
  const left = [...pricedVcpus];
  const work = async () => {
    for (let vcpus = left.shift(); vcpus !== undefined; vcpus = left.shift()) {
      const found = await readProducts(client, { ...wanted(region), vcpu: String(vcpus) }, options);
      for (const [size, price] of found) priced.set(size, price);
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
    return priced;
  } finally {
    // Where one has failed, the others need not go on.
    left.length = 0;
  }
}

/** The least that can be asked for: to see whether it may be. */
export function listOnePrice(client: AwsClient, call: AwsCall): Promise<unknown> {
  const question = { ServiceCode: 'AmazonEC2', FormatVersion: 'aws_v1', MaxResults: 1 };
  return client.json(call, 'pricing', 'AWSPriceListService.GetProducts', question);
}

function wanted(region: string): Readonly<Record<string, string>> {
  return {
    ...{ regionCode: region, operatingSystem: 'Linux', tenancy: 'Shared', preInstalledSw: 'NA' },
    ...{ capacitystatus: 'Used', marketoption: 'OnDemand' },
  };
}

/**
 * All pages of products that match, as prices by size.
 * @see https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
 */
async function readProducts(
  client: AwsClient,
  filters: Readonly<Record<string, string>>,
  options: CallOptions,
): Promise<Map<string, Money>> {
  const call = callIn(pricingRegion, 'catalog', options);
  const priced = new Map<string, Money>();
  const seen = new Set<string>();
  for (let next: string | undefined; ; ) {
    const answer = (await client.json(call, 'pricing', 'AWSPriceListService.GetProducts', {
      ServiceCode: 'AmazonEC2',
      FormatVersion: 'aws_v1',
      MaxResults: 100,
      Filters: Object.entries(filters).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value })),
      ...(next !== undefined && { NextToken: next }),
    })) as { PriceList?: unknown; NextToken?: unknown } | null;
    for (const text of Array.isArray(answer?.PriceList) ? answer.PriceList : []) {
      const product = readProduct(text);
      if (product && !priced.has(product.size)) priced.set(product.size, product.price);
    }
    const token = answer?.NextToken;
    if (typeof token !== 'string' || token === '') return priced;
    if (seen.has(token))
      throw failure('protocol', call.op, 'the pages of GetProducts lead back to one of themselves');
    seen.add(token);
    next = token;
  }
}

function readProduct(text: unknown): { size: string; price: Money } | null {
  const { product, terms } = fieldsOf(typeof text === 'string' ? readJson(text) : text);
  const size = fieldsOf(fieldsOf(product)['attributes'])['instanceType'];
  const [amount] = hourlyAmounts(terms);
  return typeof size === 'string' && amount !== undefined ? { size, price: toMoney(amount) } : null;
}

/** A product is JSON inside of JSON. Prices of 0 are of products that others pay for, such as a reservation. */
function hourlyAmounts(terms: unknown): string[] {
  return valuesOf(fieldsOf(terms)['OnDemand'])
    .flatMap((term) => valuesOf(term['priceDimensions']))
    .filter((dimension) => /^hrs$/i.test(textIn(dimension, 'unit')))
    .map((dimension) => fieldsOf(dimension['pricePerUnit'])['USD'])
    .filter((amount) => typeof amount === 'string' && /^\d+(?:\.\d+)?$/.test(amount) && /[1-9]/.test(amount))
    .map(String);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function textIn(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

/** Whatever it is: null and a number have no fields. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function valuesOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return Object.values(fieldsOf(value)).map(fieldsOf);
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
