import type { InstanceKey } from '../../domain/ids.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { failure, rawCodeOf } from './errors.ts';
import { keyOf, tagsOf } from './labels.ts';
import { instancesIn } from './machine-state.ts';
import { filterBy } from './query-body.ts';
import { findQuota, type QuotaId } from './quota-codes.ts';
import { nodeAt, textOf, type XmlNode } from './read-xml.ts';
import type { Aws } from './regions.ts';
import type { SizeFacts } from './sizes.ts';

export interface VcpuQuota {
  id: QuotaId;
  used: number;
  limit: number;
}

/** An order does not wait longer than this to be told what AWS would tell it as well. */
const patienceMs = 5_000;

/**
 * How many processors of a kind the account may have in a region, and has, those of `except` left out.
 * @returns null where whoever asks may not know the limit
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html#ec2-on-demand-instances-limits
 */
export async function readVcpuQuota(
  client: AwsClient,
  call: AwsCall,
  id: QuotaId,
  except?: InstanceKey,
): Promise<VcpuQuota | null> {
  const [limit, used] = await Promise.all([
    readLimit(client, call, id.code),
    countVcpus(client, call, id, except),
  ]);
  return limit === null ? null : { id, used, limit };
}

async function countVcpus(
  client: AwsClient,
  call: AwsCall,
  id: QuotaId,
  except: InstanceKey | undefined,
): Promise<number> {
  let used = 0;
  const params = {
    MaxResults: 1_000,
    Filter: [
      filterBy('instance-state-name', 'pending', 'running'),
      ...(id.spot ? [filterBy('instance-lifecycle', 'spot')] : []),
    ],
  };
  for await (const page of client.ec2Pages(call, 'DescribeInstances', 'reservationSet', params)) {
    for (const node of instancesIn(page))
      if (isCounted(node, id) && (except === undefined || keyOf(tagsOf(node)) !== except))
        used += vcpusOf(node);
  }
  return used;
}

async function readLimit(client: AwsClient, call: AwsCall, code: string): Promise<number | null> {
  try {
    const answer = (await client.json(call, 'servicequotas', 'ServiceQuotasV20190624.GetServiceQuota', {
      ServiceCode: 'ec2',
      QuotaCode: code,
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

/** Machines that are neither spot nor on demand (a reserved block, say) are counted by neither quota. */
function isCounted(node: XmlNode, id: QuotaId): boolean {
  const lifecycle = textOf(node, 'instanceLifecycle');
  return lifecycle === (id.spot ? 'spot' : null) && id.counts(textOf(node, 'instanceType') ?? '');
}

function vcpusOf(node: XmlNode): number {
  const options = nodeAt(node, 'cpuOptions');
  const count = Number(textOf(options, 'coreCount')) * Number(textOf(options, 'threadsPerCore'));
  return Number.isInteger(count) ? count : 0;
}

/**
 * The quota of an order, asked beside what the order needs. Never fails: where it is not to be had, not in time either, AWS
 * itself judges the order. The order's own machine is not counted: asked for again, it is given.
 */
export async function askQuota(
  client: AwsClient,
  call: AwsCall,
  spec: Pick<VmSpec, 'key' | 'size' | 'spot'>,
): Promise<VcpuQuota | null> {
  const id = findQuota(spec.size, spec.spot ?? false);
  if (id === null) return null;
  const { options } = call;
  const deadline = new Date(Math.min(client.runtime.now() + patienceMs, options.deadline.getTime()));
  try {
    return await readVcpuQuota(client, { ...call, options: { ...options, deadline } }, id, spec.key);
  } catch {
    return null;
  }
}

/** @throws ProviderError `quota` where the order does not fit, before anything is made for it */
export function requireRoom(quota: VcpuQuota | null, size: SizeFacts, call: AwsCall): void {
  if (quota === null || quota.used + size.vcpus <= quota.limit) return;
  throw failure('quota', call.op, `${size.id} has ${size.vcpus} processors, and ${sayUse(quota, call)}`, {
    hints: quotaHints(quota.id.code, call),
  });
}

function sayUse({ used, limit, id }: VcpuQuota, { region }: AwsCall): string {
  return `${used} of ${limit} processors of the account are in use in ${region} (${id.name})`;
}

function quotaHints(code: string, { region }: AwsCall): string[] {
  const page = `https://${region}.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/${code}`;
  return ['destroy machines that you no longer need: spuff ls', `or ask for more: ${page}`];
}

/** A refusal for a quota, with the numbers where they can be had. */
export async function explainQuota(
  aws: Aws,
  call: AwsCall,
  spec: Pick<VmSpec, 'key' | 'size' | 'spot'>,
  error: ProviderError,
): Promise<ProviderError> {
  if (!/^(?:VcpuLimitExceeded|MaxSpotInstanceCountExceeded)$/.test(error.info.rawCode ?? '')) return error;
  const quota = await askQuota(aws.client, call, spec);
  if (quota === null) return error;
  return new ProviderError('quota', `${error.message} (${sayUse(quota, call)})`, {
    ...error.info,
    hints: quotaHints(quota.id.code, call),
    cause: error,
  });
}
