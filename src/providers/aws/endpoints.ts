import { ProviderError } from '../../domain/provider-error.ts';

/** The services of AWS that spuff asks, by the name that stands in a signature. */
export type AwsService = 'ec2' | 'sts' | 'ssm' | 'pricing' | 'servicequotas';

/** Where a service of a region is reached. A function of the region alone serves where one address answers for all. */
export type FindEndpoint = (region: string, service: AwsService) => URL;

/** The one region that answers questions about prices of all others. */
export const pricingRegion = 'us-east-1';

const regionPattern = /^[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/;

/** The public address: `https://ec2.eu-central-1.amazonaws.com`. @see https://docs.aws.amazon.com/general/latest/gr/rande.html */
export function publicEndpoint(region: string, service: AwsService): URL {
  const host = service === 'pricing' ? 'api.pricing' : service;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(`https://${host}.${checkRegion(region, 'connect')}.${domain}`);
}

/** A region's name becomes part of a host name, so nothing else may. @throws ProviderError `region-unavailable` */
export function checkRegion(region: string, op: string): string {
  if (regionPattern.test(region)) return region;
  throw new ProviderError('region-unavailable', `AWS has no region ${JSON.stringify(region)}`, {
    ...{ provider: 'aws', op, retryable: false, field: 'region' },
    hints: ['write one as AWS does, such as us-east-1 or eu-central-1: spuff config set region eu-central-1'],
  });
}

export interface PlacedId {
  /** null where the id does not say. */
  region: string | null;
  id: string;
}

/**
 * Ids of AWS are of one region each, and spuff's say which: `eu-central-1/i-0123456789abcdef0`. A bare id is looked for in
 * every region.
 * @returns null for what can be no id of this kind
 */
export function readPlacedId(text: string, prefix: string): PlacedId | null {
  const slash = text.indexOf('/');
  const region = slash < 0 ? null : text.slice(0, slash);
  const id = text.slice(slash + 1);
  if (region !== null && !regionPattern.test(region)) return null;
  return new RegExp(`^${prefix}-[0-9a-f]{8,32}$`).test(id) ? { region, id } : null;
}

export function placeId(region: string, id: string): string {
  return `${region}/${id}`;
}

/** The id as AWS knows it. */
export function bareId(placed: string): string {
  return placed.slice(placed.indexOf('/') + 1);
}
