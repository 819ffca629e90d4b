/** What spuff asks of EC2, as trials: on things that do not exist, and sent with the word that asks for no effect. */
import { groupParams } from './groups.ts';
import { tag, tagSpecification } from './labels.ts';
import { filterBy, type QueryParams } from './query-body.ts';
import { defaultSize } from './sizes.ts';

const nothing = '0123456789abcdef0';
const somewhere = [filterBy('tag-key', tag.kind)];
const mark = { [tag.kind]: 'trial' };
/** Who may make a thing may be forbidden to give it tags, so each is tried with some. */
const tagged = (...types: string[]) => ({ TagSpecification: tagSpecification(types, mark) });

/** Without one of these spuff does not work, or leaves something behind. */
export const neededTrials: Readonly<Record<string, QueryParams>> = {
  DescribeInstances: {},
  DescribeInstanceTypes: {},
  DescribeInstanceTypeOfferings: {},
  DescribeImages: { Owner: ['self'] },
  DescribeRegions: {},
  DescribeSecurityGroups: {},
  DescribeVolumes: { Filter: somewhere },
  DescribeNetworkInterfaces: { Filter: somewhere },
  DescribeAddresses: {},
  RunInstances: {
    ...{ ImageId: `ami-${nothing}`, InstanceType: defaultSize, MinCount: 1, MaxCount: 1 },
    ...tagged('instance', 'volume', 'network-interface'),
  },
  TerminateInstances: { InstanceId: [`i-${nothing}`] },
  CreateTags: { ResourceId: [`i-${nothing}`], Tag: [{ Key: tag.kind, Value: 'trial' }] },
  DeleteTags: { ResourceId: [`i-${nothing}`], Tag: [{ Key: 'spuff-expires' }] },
  ModifyInstanceMetadataOptions: { InstanceId: `i-${nothing}`, HttpEndpoint: 'disabled' },
  CreateSecurityGroup: groupParams('spuff-trial', mark),
  AuthorizeSecurityGroupIngress: { GroupId: `sg-${nothing}`, IpPermissions: [] },
  RevokeSecurityGroupIngress: { GroupId: `sg-${nothing}`, IpPermissions: [] },
  DeleteSecurityGroup: { GroupId: `sg-${nothing}` },
  ModifyInstanceAttribute: { InstanceId: `i-${nothing}`, GroupId: [`sg-${nothing}`] },
  DeleteVolume: { VolumeId: `vol-${nothing}` },
  DeleteNetworkInterface: { NetworkInterfaceId: `eni-${nothing}` },
  ReleaseAddress: { AllocationId: `eipalloc-${nothing}` },
  CreateImage: { InstanceId: `i-${nothing}`, Name: 'spuff-trial', ...tagged('image', 'snapshot') },
  DeregisterImage: { ImageId: `ami-${nothing}` },
  DeleteSnapshot: { SnapshotId: `snap-${nothing}` },
};

/** Without these no zone is tried after another, and no price of spot is known. */
export const optionalTrials: Readonly<Record<string, QueryParams>> = {
  DescribeSubnets: {},
  DescribeSpotPriceHistory: { InstanceType: [defaultSize] },
};

/** Of services other than EC2: the newest image of Ubuntu, the quota before an order, prices. */
export const otherOptional = ['pricing:GetProducts', 'servicequotas:GetServiceQuota', 'ssm:GetParameter'];
