import type { Provider } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { showRemote } from '../../lib/api-client.ts';
import { neededTrials, optionalTrials } from './access-trials.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { pricingRegion } from './endpoints.ts';
import { failure, missingPermission, rawCodeOf } from './errors.ts';
import { defaultImage, findBootImage, parameterOfTrial } from './images.ts';
import { listOnePrice } from './prices.ts';
import type { QueryParams } from './query-body.ts';
import { readVcpuQuota } from './quota.ts';
import { findQuota } from './quota-codes.ts';
import { requireText } from './read-xml.ts';
import { type Aws, callIn } from './regions.ts';
import { defaultSize } from './sizes.ts';

export function createAccess(aws: Aws): Pick<Provider, 'checkAccess'> {
  const { client, regions } = aws;
  return {
    async checkAccess(options) {
      const call = callIn(regions.home, 'checkAccess', options);
      const account = await readAccount(client, call);
      const image = await findBootImage(client, call, defaultImage, 'x86_64').catch(onlyRefusals);
      const order = { ...neededTrials['RunInstances'], ...(image && { ImageId: image.id }) };
      const [missing, missingOptional] = await Promise.all([
        tryAll(client, call, { ...neededTrials, RunInstances: order }),
        tryOptional(client, call),
      ]);
      const quota = await readQuota(client, call, [...missing, ...missingOptional]);
      return { account, missing, missingOptional, quota };
    },
  };
}

/** The permissions that are missing, each once: one action may be refused for what another one asks as well. */
async function tryAll(
  client: AwsClient,
  call: AwsCall,
  trials: Readonly<Record<string, QueryParams>>,
): Promise<string[]> {
  const tried = await Promise.all(
    Object.entries(trials).map(([action, params]) => tryAction(client, call, action, params)),
  );
  return [...new Set(tried.filter((permission) => permission !== null))].sort();
}

/** Services other than EC2 know no trial, so that they are asked for something small. */
async function tryOptional(client: AwsClient, call: AwsCall): Promise<string[]> {
  const id = findQuota(defaultSize, false);
  const reads = [
    client.json(call, 'ssm', 'AmazonSSM.GetParameter', { Name: parameterOfTrial }),
    client.json(call, 'servicequotas', 'ServiceQuotasV20190624.GetServiceQuota', {
      ServiceCode: 'ec2',
      QuotaCode: id?.code,
    }),
    listOnePrice(client, { ...call, region: pricingRegion }),
  ];
  const [ofEc2, ...others] = await Promise.all([
    tryAll(client, call, optionalTrials),
    ...reads.map((read) => read.then(() => null, refusedPermission)),
  ]);
  return [...ofEc2, ...others.filter((permission) => permission !== null)].sort();
}

/** Whatever else is wrong with a service that spuff does without: nothing is missing that anybody could allow. */
function refusedPermission(error: unknown): string | null {
  if (!(error instanceof ProviderError)) throw error;
  if (error.providerCode !== 'forbidden') return null;
  return missingPermission(error.message, /[a-z]+:[A-Za-z]+/.exec(error.message)?.[0] ?? '');
}

/** AWS looks whether an image is there before it looks who asks, so the order is tried with a real one. */
function onlyRefusals(error: unknown): null {
  if (error instanceof ProviderError && ['forbidden', 'not-found'].includes(error.providerCode)) return null;
  throw error;
}

/** Whoever has a key may ask whose it is. @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
async function readAccount(client: AwsClient, call: AwsCall): Promise<string> {
  const identity = await client.sts(call, 'GetCallerIdentity');
  const account = requireText(identity, 'Account', call.op);
  return showRemote(`${account} (${requireText(identity, 'Arn', call.op)})`);
}

/**
 * The permission that is missing for an action; null: none, or AWS said something else first.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html (DryRun)
 */
async function tryAction(
  client: AwsClient,
  call: AwsCall,
  action: string,
  params: QueryParams,
): Promise<string | null> {
  try {
    await client.ec2(call, action, { ...params, DryRun: true });
  } catch (error) {
    if (rawCodeOf(error) === 'DryRunOperation') return null;
    if (!(error instanceof ProviderError)) throw error;
    if (error.providerCode === 'forbidden') return missingPermission(error.message, `ec2:${action}`);
    if (['invalid', 'not-found', 'conflict', 'name-taken'].includes(error.providerCode)) return null;
    throw error;
  }
  // A look has no effect to be spared.
  if (action.startsWith('Describe')) return null;
  throw failure('protocol', call.op, `AWS did ${action}, which it was asked not to do`);
}

/**
 * The quota counts processors. It is told in machines of two, the least that a machine of a current size has.
 */
async function readQuota(
  client: AwsClient,
  call: AwsCall,
  missing: readonly string[],
): Promise<{ vms?: { used: number; limit: number } }> {
  if (missing.includes('ec2:DescribeInstances') || missing.includes('servicequotas:GetServiceQuota'))
    return {};
  const id = findQuota(defaultSize, false);
  const quota = id && (await readVcpuQuota(client, call, id));
  if (quota === null) return {};
  return { vms: { used: Math.ceil(quota.used / 2), limit: Math.floor(quota.limit / 2) } };
}
