/** Snapshots are images of a machine: what EC2 calls an AMI, with the copy of the disk that is behind it. */
import type { CallOptions, SnapshotInfo, SnapshotStore } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import { poll } from '../../lib/retry.ts';
import type { AwsCall } from './client.ts';
import { placeId, readPlacedId } from './endpoints.ts';
import { failure, rawCodeOf } from './errors.ts';
import { getImage } from './images.ts';
import { instanceNameOf, keyOf, tag, tagSpecification, tagsOf } from './labels.ts';
import { type FoundMachine, lookUpMachine } from './machine-lookup.ts';
import { stateReason } from './machine-state.ts';
import { filterBy } from './query-body.ts';
import { itemsOf, nodeAt, requireDate, requireText, textOf, type XmlNode } from './read-xml.ts';
import { type Aws, callIn, regionsOf } from './regions.ts';

/** A copy of a disk takes minutes. */
const policy = { firstDelayMs: 5_000, factor: 1.3, maxDelayMs: 15_000, jitter: 0.2 };

export function createSnapshotStore(aws: Aws): SnapshotStore {
  return {
    create: (id, name, options) => takeSnapshot(aws, id, name, options),
    async *list(options) {
      for (const region of aws.regions.all()) yield* listIn(aws, callIn(region, 'snapshots.list', options));
    },
    delete: (id, options) => deleteSnapshot(aws, id, options),
  };
}

/** The machine goes on meanwhile: the copy is what a disk holds after a power cut, which a journal puts right. */
async function takeSnapshot(
  aws: Aws,
  id: string,
  name: string,
  options: Parameters<SnapshotStore['create']>[2],
): Promise<SnapshotInfo> {
  const op = 'snapshots.create';
  if (name === '' || name.length > 100 || escapeText(name, { singleLine: true }) !== name)
    throw failure('invalid', op, 'a snapshot needs a name of 1 to 100 printable characters', {
      field: 'name',
    });
  const found = await lookUpMachine(aws, id, op, options);
  if (found === null || found.vm.state === 'gone')
    throw failure('not-found', op, 'the machine to take a snapshot of is gone');
  if (found.vm.key !== options.expectKey)
    throw failure(
      'protected',
      op,
      'the machine does not carry the key of the instance to take a snapshot of',
    );
  const call = callIn(found.vm.region, op, options);
  const imageId = await createImage(aws, call, found, name);
  return waitForImage(aws, call, imageId);
}

/** A name of AWS's is unique in a region, so an order that is repeated after a lost answer finds what it made. */
async function createImage(
  aws: Aws,
  call: AwsCall,
  { vm, node }: FoundMachine,
  name: string,
): Promise<string> {
  const { client } = aws;
  const imageName = `spuff-${vm.key}-${Math.floor(client.runtime.now()).toString(36)}`;
  const tags = {
    ...Object.fromEntries([...tagsOf(node)].filter(([one]) => one.startsWith('spuff'))),
    ...{ [tag.kind]: 'snapshot', [tag.snapshot]: name, [tag.name]: imageName },
  };
  try {
    const made = await client.ec2(call, 'CreateImage', {
      InstanceId: requireText(node, 'instanceId', call.op),
      ...{ Name: imageName, NoReboot: true },
      TagSpecification: tagSpecification(['image', 'snapshot'], tags),
    });
    return requireText(made, 'imageId', call.op);
  } catch (error) {
    if (rawCodeOf(error) !== 'InvalidAMIName.Duplicate') throw error;
    const answer = await client.ec2(call, 'DescribeImages', {
      Owner: ['self'],
      Filter: [filterBy('name', imageName)],
    });
    const [image] = itemsOf(answer, 'imagesSet');
    if (image && keyOf(tagsOf(image)) === vm.key) return requireText(image, 'imageId', call.op);
    throw error;
  }
}

async function waitForImage(aws: Aws, call: AwsCall, imageId: string): Promise<SnapshotInfo> {
  const done = await poll(
    async () => {
      const image = await getImage(aws.client, call, imageId);
      const state = image ? textOf(image, 'imageState') : null;
      if (image && state === 'available') return toSnapshot(image, call);
      if (image && state !== null && /^(?:failed|error|invalid)$/.test(state)) {
        const why = stateReason(image);
        throw failure('action-failed', call.op, `the snapshot failed${why === null ? '' : `: ${why}`}`);
      }
      return undefined;
    },
    {
      ...{ policy, runtime: aws.client.runtime, signal: call.options.signal },
      deadlineMs: call.options.deadline.getTime(),
    },
  );
  if (done) return done;
  throw failure('timeout', call.op, 'the snapshot was not finished in time; AWS goes on with it', {
    retryable: true,
    hints: ['see whether it is there: spuff snapshot list'],
  });
}

async function* listIn({ client }: Aws, call: AwsCall): AsyncGenerator<SnapshotInfo> {
  const params = { Owner: ['self'], Filter: [filterBy(`tag:${tag.kind}`, 'snapshot')], MaxResults: 200 };
  for await (const page of client.ec2Pages(call, 'DescribeImages', 'imagesSet', params)) {
    for (const image of page) {
      if (isSnapshot(image) && textOf(image, 'imageState') === 'available') yield toSnapshot(image, call);
    }
  }
}

function isSnapshot(image: XmlNode): boolean {
  return tagsOf(image).get(tag.kind) === 'snapshot';
}

function toSnapshot(image: XmlNode, { region, op }: AwsCall): SnapshotInfo {
  const tags = tagsOf(image);
  return {
    id: placeId(region, requireText(image, 'imageId', op)),
    name: escapeText(tags.get(tag.snapshot) ?? '', { singleLine: true }).slice(0, 300),
    key: keyOf(tags),
    instanceName: instanceNameOf(tags),
    createdAt: requireDate(image, 'creationDate', op),
    // AWS tells the size of the disk, and not of what is stored of it.
    sizeBytes: null,
    region,
    billed: true,
  };
}

async function deleteSnapshot(aws: Aws, id: string, options: CallOptions): Promise<void> {
  const op = 'snapshots.delete';
  const placed = readPlacedId(id, 'ami');
  if (placed === null) return;
  for (const region of regionsOf(aws, placed)) {
    const call = callIn(region, op, options);
    const image = await getImage(aws.client, call, placed.id);
    if (image === null) continue;
    if (!isSnapshot(image)) throw failure('protected', op, 'that image is no snapshot of spuff');
    await deleteImage(aws, call, image);
  }
}

/**
 * With the copies of the disks in the same request, so that none is left without an image, where nobody would look for it.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html
 */
async function deleteImage({ client }: Aws, call: AwsCall, image: XmlNode): Promise<void> {
  const disks = itemsOf(image, 'blockDeviceMapping')
    .map((item) => textOf(nodeAt(item, 'ebs'), 'snapshotId'))
    .filter((id) => id !== null);
  await ignoreAbsent(() =>
    client.ec2(call, 'DeregisterImage', {
      ImageId: requireText(image, 'imageId', call.op),
      DeleteAssociatedSnapshots: true,
    }),
  );
  // Where that was refused for one of them, this says why.
  for (const disk of disks)
    await ignoreAbsent(() => client.ec2(call, 'DeleteSnapshot', { SnapshotId: disk }));
}

async function ignoreAbsent(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ProviderError) || error.providerCode !== 'not-found') throw error;
  }
}
