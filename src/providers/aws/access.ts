import type { Provider } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { showRemote } from '../../lib/api-client.ts';
import type { AwsCall, AwsClient } from './client.ts';
import { failure, missingPermission, rawCodeOf } from './errors.ts';
import { defaultImage, findBootImage } from './images.ts';
import { filterBy, type QueryParams } from './query-body.ts';
import { readVcpuQuota } from './quota.ts';
import { findQuota } from './quota-codes.ts';
import { requireText } from './read-xml.ts';
import { type Aws, callIn } from './regions.ts';
import { defaultSize } from './sizes.ts';

const nothing = '0123456789abcdef0';
const somewhere = [filterBy('tag-key', 'spuff')];

/** All that spuff does with EC2, tried without doing it: on things that do not exist, and with the word that asks for no effect. */
const trials: Readonly<Record<string, QueryParams>> = {
  DescribeInstances: {},
  DescribeInstanceTypes: {},
  DescribeInstanceTypeOfferings: {},
  DescribeImages: { Owner: ['self'] },
  DescribeRegions: {},
  DescribeSecurityGroups: {},
  DescribeVolumes: { Filter: somewhere },
  DescribeNetworkInterfaces: { Filter: somewhere },
  DescribeAddresses: {},
  RunInstances: { ImageId: `ami-${nothing}`, InstanceType: defaultSize, MinCount: 1, MaxCount: 1 },
  TerminateInstances: { InstanceId: [`i-${nothing}`] },
  CreateTags: { ResourceId: [`i-${nothing}`], Tag: [{ Key: 'spuff', Value: 'machine' }] },
  ModifyInstanceMetadataOptions: { InstanceId: `i-${nothing}`, HttpEndpoint: 'disabled' },
  CreateSecurityGroup: { GroupName: 'spuff-trial', GroupDescription: 'never made' },
  AuthorizeSecurityGroupIngress: { GroupId: `sg-${nothing}`, IpPermissions: [] },
  RevokeSecurityGroupIngress: { GroupId: `sg-${nothing}`, IpPermissions: [] },
  DeleteSecurityGroup: { GroupId: `sg-${nothing}` },
  ModifyInstanceAttribute: { InstanceId: `i-${nothing}`, GroupId: [`sg-${nothing}`] },
  DeleteVolume: { VolumeId: `vol-${nothing}` },
  DeleteNetworkInterface: { NetworkInterfaceId: `eni-${nothing}` },
  ReleaseAddress: { AllocationId: `eipalloc-${nothing}` },
  CreateImage: { InstanceId: `i-${nothing}`, Name: 'spuff-trial' },
  DeregisterImage: { ImageId: `ami-${nothing}` },
  DeleteSnapshot: { SnapshotId: `snap-${nothing}` },
};

export function createAccess(aws: Aws): Pick<Provider, 'checkAccess'> {
  const { client, regions } = aws;
  return {
    async checkAccess(options) {
      const call = callIn(regions.home, 'checkAccess', options);
      const account = await readAccount(client, call);
      const image = await findBootImage(client, call, defaultImage, 'x86_64').catch(onlyRefusals);
      const all = {
        ...trials,
        ...(image && { RunInstances: { ...trials['RunInstances'], ImageId: image.id } }),
      };
      const tried = await Promise.all(
        Object.entries(all).map(([action, params]) => tryAction(client, call, action, params)),
      );
      const missing = tried.filter((permission) => permission !== null);
      return { account, missing, quota: await readQuota(client, call, missing) };
    },
  };
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
  if (missing.includes('ec2:DescribeInstances')) return {};
  const id = findQuota(defaultSize, false);
  const quota = id && (await readVcpuQuota(client, call, id));
  if (quota === null) return {};
  return { vms: { used: Math.ceil(quota.used / 2), limit: Math.floor(quota.limit / 2) } };
}
