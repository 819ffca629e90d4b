import { isInstanceKey } from '../../domain/ids.ts';
import { isInstanceName } from '../../domain/names.ts';
import type { VmSpec } from '../../domain/provider.ts';
import { readNetworks } from './cidr.ts';
import { checkRegion } from './endpoints.ts';
import { failure } from './errors.ts';
import type { BootImage } from './images.ts';
import { tagSpecification, tagsFor } from './labels.ts';
import type { QueryParams } from './query-body.ts';

/** Before base64. @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html */
export const maxUserDataBytes = 16_384;

/** What a development machine needs; an image that is larger gets what it needs. */
export const diskGiB = 30;

const sizePattern = /^[a-z][a-z0-9-]{0,20}\.[a-z0-9-]{2,20}$/;

/** @throws ProviderError `invalid` | `region-unavailable` naming the field, before any request */
export function checkSpec(spec: VmSpec, op: string): void {
  const invalid = (field: string, message: string, hints: string[] = []) =>
    failure('invalid', op, message, { field, hints });
  if (!isInstanceKey(spec.key)) throw invalid('key', `${JSON.stringify(spec.key)} is not an instance key`);
  if (spec.name !== `spuff-${spec.key}`) throw invalid('name', 'the name of a machine is spuff- and its key');
  if (!isInstanceName(spec.instanceName))
    throw invalid('instanceName', `${JSON.stringify(spec.instanceName)} is not a usable host name`);
  checkRegion(spec.region, op);
  if (!sizePattern.test(spec.size)) {
    throw invalid('size', `${JSON.stringify(spec.size)} is not a size of AWS`, [
      'write an instance type, such as t3.small',
    ]);
  }
  const bytes = Buffer.byteLength(spec.userData);
  if (bytes > maxUserDataBytes)
    throw invalid('userData', `the user data has ${bytes} bytes; AWS takes ${maxUserDataBytes}`);
  readNetworks(spec.firewall?.allowSshFrom ?? [], op);
}

/**
 * The order of a machine. It bears the key as its token: AWS gives the same machine to whoever asks again, and refuses when
 * anything else in the request is different.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
 */
export function runParams(
  spec: VmSpec,
  image: Pick<BootImage, 'id' | 'rootDevice' | 'rootGiB'>,
  groupId: string,
): QueryParams {
  const tags = tagsFor('machine', spec);
  const tagged = ['instance', 'volume', 'network-interface'];
  return {
    ImageId: image.id,
    InstanceType: spec.size,
    MinCount: 1,
    MaxCount: 1,
    ClientToken: spec.key,
    UserData: Buffer.from(spec.userData).toString('base64'),
    SecurityGroupId: [groupId],
    // A power-off from inside ends the machine, so that nobody has to hold a credential for that. A disk that is to be kept
    // must outlast it, until the reaper has taken its snapshot; a spot machine can't be stopped.
    InstanceInitiatedShutdownBehavior: spec.onIdle === 'snapshot' && !spec.spot ? 'stop' : 'terminate',
    // Sessions only, and no further than the machine itself: a container or a forged request gets nothing.
    MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    BlockDeviceMapping: [
      {
        DeviceName: image.rootDevice,
        Ebs: { VolumeType: 'gp3', VolumeSize: Math.max(diskGiB, image.rootGiB), DeleteOnTermination: true },
      },
    ],
    TagSpecification: tagSpecification(spec.spot ? [...tagged, 'spot-instances-request'] : tagged, tags),
    ...(spec.spot && {
      InstanceMarketOptions: {
        MarketType: 'spot',
        SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' },
      },
    }),
  };
}
