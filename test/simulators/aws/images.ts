import { imagesOf } from './catalogue.ts';
import { account, type CloudState, makeId, type SimImage } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { idsIn, isoTime, pageOf, passes, required, tagSet, tagsFor } from './filters.ts';
import { requireInstance } from './instances.ts';
import { type Params, textIn, textsIn, type Xml } from './wire.ts';

const copyTakesMs = 40_000;

export function findImage(state: CloudState, id: string, region: string): SimImage {
  if (!/^ami-[0-9a-f]{8,17}$/.test(id)) throw new AwsFault('InvalidAMIID.Malformed', `Invalid id: "${id}"`);
  const found = allImages(state, region).find((image) => image.id === id);
  if (found) return found;
  throw new AwsFault('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`);
}

function allImages(state: CloudState, region: string): SimImage[] {
  return [...imagesOf(region), ...[...state.images.values()].filter((image) => image.region === region)];
}

function stateOf(state: CloudState, image: SimImage): string {
  return state.now() < image.readyMs ? 'pending' : 'available';
}

export function describeImages(state: CloudState, params: Params, region: string): Xml {
  const ids = idsIn(params, 'ImageId', 'ami', 'AMIID');
  for (const id of ids) findImage(state, id, region);
  const owners = textsIn(params, 'Owner').map((owner) => (owner === 'self' ? account : owner));
  const all = allImages(state, region).filter(
    (image) =>
      (ids.length === 0 || ids.includes(image.id)) &&
      (owners.length === 0 || owners.includes(image.owner)) &&
      passes(params, image.tags, {
        ...{ name: image.name, state: stateOf(state, image), architecture: image.arch },
      }),
  );
  const { page, nextToken } = pageOf(params, all);
  return { imagesSet: page.map((image) => describe(state, image)), nextToken };
}

function describe(state: CloudState, image: SimImage): Xml {
  return {
    ...{
      imageId: image.id,
      imageLocation: `${image.owner}/${image.name}`,
      imageState: stateOf(state, image),
    },
    ...{
      imageOwnerId: image.owner,
      creationDate: isoTime(image.createdMs),
      isPublic: image.owner !== account,
    },
    ...{ architecture: image.arch, imageType: 'machine', name: image.name, rootDeviceType: 'ebs' },
    rootDeviceName: image.rootDevice,
    blockDeviceMapping: [
      {
        deviceName: image.rootDevice,
        ebs: {
          ...{ deleteOnTermination: true, snapshotId: image.snapshotId, volumeSize: image.gib },
          ...{ volumeType: 'gp3', encrypted: false },
        },
      },
    ],
    ...{ virtualizationType: 'hvm', hypervisor: 'xen', tagSet: tagSet(image.tags) },
  };
}

export function createImage(state: CloudState, params: Params, region: string): Xml {
  const machine = requireInstance(state, required(params, 'InstanceId'), region);
  const name = required(params, 'Name');
  if (!/^[\w()[\] ./'@-]{3,128}$/.test(name))
    throw new AwsFault('InvalidAMIName.Malformed', 'AMI names must be between 3 and 128 characters long');
  const twin = [...state.images.values()].find((image) => image.region === region && image.name === name);
  if (twin) {
    const message = `AMI name ${name} is already in use by AMI ${twin.id}`;
    throw new AwsFault('InvalidAMIName.Duplicate', message);
  }
  const createdMs = state.now();
  const disk = { kind: 'snapshot', id: makeId('snap'), region, createdMs, instanceId: null } as const;
  const gib = state.things.get(machine.volumeId)?.gib ?? 8;
  const image: SimImage = {
    ...{
      id: makeId('ami'),
      region,
      owner: account,
      name,
      arch: machine.arch,
      rootDevice: machine.rootDevice,
    },
    ...{ gib, snapshotId: disk.id, createdMs, readyMs: createdMs + copyTakesMs },
    tags: tagsFor(params, 'image'),
  };
  state.images.set(image.id, image);
  state.things.set(disk.id, { ...disk, gib, tags: tagsFor(params, 'snapshot') });
  return { imageId: image.id };
}

export function deregisterImage(state: CloudState, params: Params, region: string): Xml {
  const id = required(params, 'ImageId');
  const image = findImage(state, id, region);
  if (image.owner !== account) throw new AwsFault('AuthFailure', `Not authorized for image:${id}`, 403);
  state.images.delete(id);
  if (textIn(params, 'DeleteAssociatedSnapshots') === 'true') {
    state.things.delete(image.snapshotId);
    return {
      return: true,
      deleteSnapshotResultSet: [{ snapshotId: image.snapshotId, returnCode: 'success' }],
    };
  }
  return { return: true };
}

export function deleteSnapshot(state: CloudState, params: Params, region: string): Xml {
  const id = required(params, 'SnapshotId');
  const disk = state.things.get(id);
  if (disk?.kind !== 'snapshot' || disk.region !== region)
    throw new AwsFault('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
  const user = [...state.images.values()].find((image) => image.snapshotId === id);
  if (user)
    throw new AwsFault('InvalidSnapshot.InUse', `The snapshot ${id} is currently in use by ${user.id}`);
  state.things.delete(id);
  return { return: true };
}
