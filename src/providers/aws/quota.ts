import { ProviderError } from '../../domain/provider-error.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { rawCodeOf } from './errors.ts';
import { instancesIn } from './machine-state.ts';
import { filterBy } from './query-body.ts';
import { nodeAt, textOf, type XmlNode } from './read-xml.ts';
import type { Aws } from './regions.ts';

/** `Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances`, in processors. */
const standardQuota = 'L-1216C47A';
const standardFamily = /^(?:[acdhimrtz]\d|im\d|is\d)/;

export interface VcpuQuota {
  used: number;
  limit: number;
}

/**
 * How many processors the account may have in a region, and has.
 * @returns null where whoever asks may not know
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html#ec2-on-demand-instances-limits
 */
export async function readVcpuQuota(client: AwsClient, call: AwsCall): Promise<VcpuQuota | null> {
  const limit = await readLimit(client, call);
  if (limit === null) return null;
  let used = 0;
  const params = { MaxResults: 200, Filter: [filterBy('instance-state-name', 'pending', 'running')] };
  for await (const page of client.ec2Pages(call, 'DescribeInstances', 'reservationSet', params))
    for (const node of instancesIn(page)) used += standardVcpus(node);
  return { used, limit };
}

async function readLimit(client: AwsClient, call: AwsCall): Promise<number | null> {
  try {
    const answer = (await client.json(call, 'servicequotas', 'ServiceQuotasV20190624.GetServiceQuota', {
      ServiceCode: 'ec2',
      QuotaCode: standardQuota,
    })) as { Quota?: { Value?: unknown } } | null;
    const value = answer?.Quota?.Value;
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  } catch (error) {
    const said = rawCodeOf(error) ?? '';
    if (/^(?:AccessDenied(?:Exception)?|NoSuchResourceException|SubscriptionRequiredException)$/.test(said))
      return null;
    throw error;
  }
}

/** Spot machines have a quota of their own. */
function standardVcpus(node: XmlNode): number {
  if (textOf(node, 'instanceLifecycle') !== null) return 0;
  if (!standardFamily.test(textOf(node, 'instanceType') ?? '')) return 0;
  const options = nodeAt(node, 'cpuOptions');
  const count = Number(textOf(options, 'coreCount')) * Number(textOf(options, 'threadsPerCore'));
  return Number.isInteger(count) ? count : 0;
}

/** A refusal for a quota, with the numbers where they can be had. */
export async function explainQuota(aws: Aws, call: AwsCall, error: ProviderError): Promise<ProviderError> {
  if (error.info.rawCode !== 'VcpuLimitExceeded') return error;
  const quota = await readVcpuQuota(aws.client, call).catch(() => null);
  if (quota === null) return error;
  const numbers = `${quota.used} of ${quota.limit} processors of the account are in use in ${call.region}`;
  return new ProviderError('quota', `${error.message} (${numbers})`, {
    ...error.info,
    hints: error.hints,
    cause: error,
  });
}
