/** The price list: products with their attributes, most of which nobody wants, a hundred to a page. */
import { regions, types } from './catalogue.ts';
import { AwsFault } from './fault.ts';

interface Product {
  attributes: Record<string, string>;
  sku: string;
  usd: string;
}

const linux = { operatingSystem: 'Linux', preInstalledSw: 'NA', licenseModel: 'No License required' };
const usual = { ...linux, tenancy: 'Shared', capacitystatus: 'Used', marketoption: 'OnDemand' };

/** Of each size in each region: the one that is meant, and some of the many that are not. */
const products: readonly Product[] = regions.flatMap((regionCode) =>
  Object.entries(types).flatMap(([instanceType, { vcpus, mib, usd, usdIn }]) => {
    const price = usdIn[regionCode] ?? usd;
    const size = { instanceType, regionCode, vcpu: String(vcpus), memory: `${mib / 1_024} GiB` };
    const product = (name: string, more: Record<string, string>, cost: string): Product => {
      const attributes = { ...size, ...usual, ...more, servicecode: 'AmazonEC2' };
      return { attributes, sku: `${name}-${regionCode}-${instanceType}`.toUpperCase(), usd: cost };
    };
    return [
      product('USED', {}, price),
      product('WINDOWS', { operatingSystem: 'Windows' }, '9.9900000000'),
      product('SQL', { preInstalledSw: 'SQL Std' }, '8.8800000000'),
      product('DEDICATED', { tenancy: 'Dedicated' }, '7.7700000000'),
      product('UNUSED', { capacitystatus: 'UnusedCapacityReservation' }, price),
      product('ALLOCATED', { capacitystatus: 'AllocatedCapacityReservation' }, '0.0000000000'),
      // A block of capacity: under the filters that are usual, and paid for otherwise.
      product('BLOCK', { marketoption: 'CapacityBlock' }, '0.0000000000'),
    ];
  }),
);

/** @see https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html */
export function getProducts(body: Record<string, unknown>): object {
  const { ServiceCode, MaxResults = 100, NextToken } = body;
  if (ServiceCode !== 'AmazonEC2') throw new AwsFault('InvalidParameterException', 'unknown service');
  if (!(Number(MaxResults) >= 1 && Number(MaxResults) <= 100))
    throw new AwsFault('InvalidParameterException', 'MaxResults must be between 1 and 100');
  const filters = (body['Filters'] ?? []) as { Type: string; Field: string; Value: string }[];
  const matching = products.filter(({ attributes }) =>
    filters.every(({ Field, Value }) => attributes[Field] === Value),
  );
  const from = NextToken === undefined ? 0 : Number(Buffer.from(String(NextToken), 'base64').toString());
  if (!Number.isInteger(from)) throw new AwsFault('InvalidNextTokenException', 'The token is invalid');
  const to = from + Math.min(Number(MaxResults), pageSize.most);
  return {
    FormatVersion: 'aws_v1',
    PriceList: matching.slice(from, to).map(writeProduct),
    ...(to < matching.length && { NextToken: Buffer.from(String(to)).toString('base64') }),
  };
}

/** A test can make the pages smaller: AWS gives as few products as it likes, also none, and a token for the next ones. */
export const pageSize = { most: 100 };

/** JSON in JSON. */
function writeProduct({ attributes, sku, usd }: Product): string {
  const term = (kind: string, unit: string, USD: string) => ({
    [`${sku}.${kind}`]: {
      ...{ sku, offerTermCode: kind, effectiveDate: '2026-11-01T00:00:00Z', termAttributes: {} },
      priceDimensions: {
        [`${sku}.${kind}.6YS6EN2CT7`]: { unit, beginRange: '0', endRange: 'Inf', pricePerUnit: { USD } },
      },
    },
  });
  return JSON.stringify({
    product: { productFamily: 'Compute Instance', attributes, sku },
    ...{ serviceCode: 'AmazonEC2', version: '20261101000000', publicationDate: '2026-11-01T00:00:00Z' },
    terms: { OnDemand: term('JRTCKXETXF', 'Hrs', usd), Reserved: term('4NA7Y494T4', 'Hrs', '0.0010000000') },
  });
}
