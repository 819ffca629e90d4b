import type { Size } from '../../domain/provider.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { failure, rawCodeOf } from './errors.ts';
import { diskGiB } from './machine-request.ts';
import { filterBy } from './query-body.ts';
import { itemsOf, nodeAt, requireText, textItems, textOf, type XmlNode } from './read-xml.ts';

export const defaultSize = 't3.small';

export type SizeFacts = Pick<Size, 'id' | 'vcpus' | 'memoryMiB' | 'arch' | 'gpu' | 'diskGiB'>;

/**
 * One size, as its region has it.
 * @throws ProviderError `invalid` where there is no such size, or none of it in the region
 */
export async function findSize(client: AwsClient, call: AwsCall, size: string): Promise<SizeFacts> {
  try {
    const answer = await client.ec2(call, 'DescribeInstanceTypes', { InstanceType: [size] });
    const [node] = itemsOf(answer, 'instanceTypeSet');
    if (node) return toSize(node, call.op);
    throw noSize(size, call);
  } catch (error) {
    if (!/^InvalidInstanceType|^InvalidParameterValue$/.test(rawCodeOf(error) ?? '')) throw error;
    throw noSize(size, call, error);
  }
}

function noSize(size: string, { op, region }: AwsCall, cause?: unknown): Error {
  return failure('invalid', op, `AWS has no size ${JSON.stringify(size)} in ${region}`, {
    field: 'size',
    hints: [`write an instance type, such as ${defaultSize}: spuff config set size ${defaultSize}`],
    cause,
  });
}

/** Sizes that a machine can be had in by the hour; the region's whole list, some 800. Metal boots too slowly to be of use. */
export async function listSizes(client: AwsClient, call: AwsCall): Promise<SizeFacts[]> {
  const sizes: SizeFacts[] = [];
  const params = {
    MaxResults: 100,
    Filter: [
      filterBy('current-generation', 'true'),
      filterBy('bare-metal', 'false'),
      filterBy('supported-usage-class', 'on-demand'),
    ],
  };
  for await (const page of client.ec2Pages(call, 'DescribeInstanceTypes', 'instanceTypeSet', params))
    sizes.push(...page.map((node) => toSize(node, call.op)));
  return sizes;
}

/** The names of the sizes that a region has. @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html */
export async function listOffered(client: AwsClient, call: AwsCall): Promise<Set<string>> {
  const offered = new Set<string>();
  const params = { MaxResults: 1_000, LocationType: 'region' };
  const pages = client.ec2Pages(call, 'DescribeInstanceTypeOfferings', 'instanceTypeOfferingSet', params);
  for await (const page of pages) for (const node of page) offered.add(textOf(node, 'instanceType') ?? '');
  return offered;
}

function toSize(node: XmlNode, op: string): SizeFacts {
  const count = (of: XmlNode, name: string) => Number(requireText(of, name, op));
  const architectures = textItems(nodeAt(node, 'processorInfo'), 'supportedArchitectures');
  return {
    id: requireText(node, 'instanceType', op),
    vcpus: count(nodeAt(node, 'vCpuInfo'), 'defaultVCpus'),
    memoryMiB: count(nodeAt(node, 'memoryInfo'), 'sizeInMiB'),
    // Not of the size: every machine gets a volume of this.
    diskGiB,
    arch: architectures.some((one) => one.startsWith('arm64')) ? 'arm64' : 'x86_64',
    gpu: itemsOf(nodeAt(node, 'gpuInfo'), 'gpus').length > 0,
  };
}
