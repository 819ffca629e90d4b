import { ProviderError } from '../../domain/provider-error.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { rawCodeOf } from './errors.ts';
import { filterBy } from './query-body.ts';
import { textOf } from './read-xml.ts';

const zonePattern = /^[a-z]{2,4}(?:-[a-z0-9]{1,12}){1,6}$/;

/**
 * The zones of a region that have a size and a default subnet with a free address, in the order of their names.
 * @returns none where whoever asks may not know
 */
export async function listZones(client: AwsClient, call: AwsCall, size: string): Promise<string[]> {
  try {
    const [placed, offered] = await Promise.all([
      listPlaces(client, call),
      listOfferingZones(client, call, size),
    ]);
    return placed.filter((zone) => offered.has(zone)).sort();
  } catch (error) {
    if (error instanceof ProviderError && error.providerCode === 'forbidden') return [];
    throw error;
  }
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html */
async function listPlaces(client: AwsClient, call: AwsCall): Promise<string[]> {
  const zones = new Set<string>();
  const params = {
    MaxResults: 100,
    Filter: [filterBy('default-for-az', 'true'), filterBy('state', 'available')],
  };
  for await (const page of client.ec2Pages(call, 'DescribeSubnets', 'subnetSet', params)) {
    for (const node of page) {
      const zone = textOf(node, 'availabilityZone') ?? '';
      if (zonePattern.test(zone) && textOf(node, 'availableIpAddressCount') !== '0') zones.add(zone);
    }
  }
  return [...zones];
}

async function listOfferingZones(client: AwsClient, call: AwsCall, size: string): Promise<Set<string>> {
  const zones = new Set<string>();
  const params = { LocationType: 'availability-zone', Filter: [filterBy('instance-type', size)] };
  const pages = client.ec2Pages(call, 'DescribeInstanceTypeOfferings', 'instanceTypeOfferingSet', params);
  for await (const page of pages) for (const node of page) zones.add(textOf(node, 'location') ?? '');
  return zones;
}

/** Whether an order was refused for what one zone lacks, and another one may have. */
export function lacksRoom(error: unknown): error is ProviderError {
  if (!(error instanceof ProviderError)) return false;
  if (error.providerCode === 'capacity') return true;
  return error.providerCode === 'region-unavailable' && rawCodeOf(error) === 'Unsupported';
}
