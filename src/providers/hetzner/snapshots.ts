import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, SnapshotInfo, SnapshotStore } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import { type HetznerClient, parseObject, pollPolicy } from './client.ts';
import { listLagSeconds } from './create-machine.ts';
import { failure } from './errors.ts';
import {
  type Fields,
  optionalObject,
  optionalText,
  type Place,
  readDate,
  readId,
  readObject,
} from './fields.ts';
import { isOurs, label, labelInstance, labelKey, labelsOf, ownLabels, selectorOf } from './labels.ts';
import { orderDeletion } from './machines.ts';
import { imageMonth } from './prices.ts';
import { getMachine } from './server-lookup.ts';
import { idPattern } from './server-request.ts';

const bytesInGb = 1_073_741_824;

/**
 * Snapshots are images of the project, billed by their size; they outlive the machine.
 * @see https://docs.hetzner.cloud/reference/cloud#tag/images
 */
export function createSnapshotStore(client: HetznerClient): SnapshotStore {
  return {
    create: (id, name, { expectKey, ...call }) => takeSnapshot(client, id, name, expectKey, call),
    async *list(call) {
      const query = { type: 'snapshot', label_selector: selectorOf('snapshot') };
      for (const image of await client.list('snapshots.list', '/images', call, query)) {
        // One that is being made may yet fail: who saw it would let go of the machine.
        if (isOurSnapshot(image) && image['status'] === 'available')
          yield toSnapshot(image, 'snapshots.list');
      }
    },
    delete: (id, call) => deleteSnapshot(client, id, call),
    async price(call) {
      const pricing = optionalObject((await client.read('snapshots.price', '/pricing', call))?.['pricing']);
      const monthly = imageMonth(pricing);
      return monthly && { monthly, perBytes: bytesInGb };
    },
  };
}

/** @throws ProviderError `invalid`, `not-found`, `protected`, `action-failed`, `ambiguous` when the answer was lost and none is listed */
async function takeSnapshot(
  client: HetznerClient,
  id: string,
  name: string,
  expectKey: InstanceKey,
  call: CallOptions,
): Promise<SnapshotInfo> {
  const op = 'snapshots.create';
  if (name === '' || name.length > 100 || escapeText(name, { singleLine: true }) !== name)
    throw failure('invalid', op, 'a snapshot needs a name of 1 to 100 printable characters', {
      field: 'name',
    });
  const vm = await getMachine(client, op, id, call);
  if (vm === null) throw failure('not-found', op, 'the machine to take a snapshot of is gone');
  if (vm.key !== expectKey)
    throw failure(
      'protected',
      op,
      'the machine does not carry the key of the instance to take a snapshot of',
    );
  const { runtime } = client;
  const order = `${Math.floor(runtime.now()).toString(36)}-${Math.floor(runtime.random() * 2 ** 48).toString(36)}`;
  const labels = {
    ...ownLabels('snapshot', { key: expectKey, instanceName: vm.instanceName }),
    [label.order]: order,
  };
  const imageId = await orderSnapshot(
    client,
    op,
    vm.id,
    { description: name, type: 'snapshot', labels },
    call,
  );
  return waitForImage(client, op, imageId ?? (await lookUpOrder(client, op, order, call)), call);
}

/** null when it may have got through and no answer tells. */
async function orderSnapshot(
  client: HetznerClient,
  op: string,
  id: string,
  body: Record<string, unknown>,
  call: CallOptions,
): Promise<string | null> {
  const path = `/servers/${id}/actions/create_image`;
  try {
    // Asked twice, it makes two.
    const answer = await client.change({ op, method: 'POST', path, body, repeatable: false }, call);
    const image = readObject(parseObject(answer, op)['image'], { op, path: 'image' });
    return readId(image, { op, path: 'image' });
  } catch (error) {
    const unclear =
      error instanceof ProviderError && ['ambiguous', 'server', 'protocol'].includes(error.providerCode);
    if (unclear) return null;
    throw error;
  }
}

async function lookUpOrder(
  client: HetznerClient,
  op: string,
  order: string,
  call: CallOptions,
): Promise<string> {
  const query = { type: 'snapshot', label_selector: selectorOf('snapshot', { [label.order]: order }) };
  const look = async () => (await client.list(op, '/images', call, query))[0];
  const untilMs = client.runtime.now() + listLagSeconds * 1_000 + pollPolicy.maxDelayMs;
  const image = await client.until(op, call, look, untilMs);
  if (image) return readId(image, { op, path: 'images[]' });
  throw failure(
    'ambiguous',
    op,
    'whether the snapshot is taken is not known: the answer was lost, and none is listed',
    {
      hints: ['look in a minute, and take another if there is none: spuff snapshot list'],
    },
  );
}

async function waitForImage(
  client: HetznerClient,
  op: string,
  id: string,
  call: CallOptions,
): Promise<SnapshotInfo> {
  const ready = await client.until(op, call, async () => {
    const image = optionalObject((await client.read(op, `/images/${id}`, call))?.['image']);
    // An image whose making failed is unavailable, or gone.
    if (image['status'] !== 'available' && image['status'] !== 'creating')
      throw failure('action-failed', op, 'Hetzner Cloud did not finish the snapshot', {
        hints: ['try again; see https://status.hetzner.com'],
      });
    return image['status'] === 'available' ? image : undefined;
  });
  if (ready) return toSnapshot(ready, op);
  throw failure('timeout', op, 'the snapshot was not finished in time; Hetzner Cloud goes on with it', {
    ...{ retryable: false, hints: ['see whether it is there: spuff snapshot list'] },
  });
}

async function deleteSnapshot(client: HetznerClient, id: string, call: CallOptions): Promise<void> {
  const op = 'snapshots.delete';
  if (!idPattern.test(id)) return;
  const gone = await client.until(op, call, async () => {
    const image = (await client.read(op, `/images/${id}`, call))?.['image'];
    const fields = optionalObject(image);
    if (image === undefined || optionalText(fields['deleted']) !== null) return true;
    if (!isOurSnapshot(fields)) throw failure('protected', op, "that image is no snapshot of spuff's");
    const ordered = await orderDeletion(client, op, `/images/${id}`, call);
    return ordered && (await client.read(op, `/images/${id}`, call)) === null ? true : undefined;
  });
  if (gone) return;
  throw failure('timeout', op, 'Hetzner Cloud still has the snapshot', {
    ...{ retryable: true, hints: ['try again'] },
  });
}

function isOurSnapshot(image: Fields): boolean {
  return image['type'] === 'snapshot' && isOurs(labelsOf(image), 'snapshot');
}

function toSnapshot(image: Fields, op: string): SnapshotInfo {
  const place: Place = { op, path: 'image' };
  const labels = labelsOf(image);
  const size = image['image_size'];
  return {
    id: readId(image, place),
    name: escapeText(optionalText(image['description']) ?? '', { singleLine: true }).slice(0, 300),
    key: labelKey(labels),
    instanceName: labelInstance(labels),
    createdAt: readDate(image, 'created', place),
    sizeBytes: typeof size === 'number' && size >= 0 ? Math.round(size * bytesInGb) : null,
    // It belongs to the project: machines of every region start from it.
    region: null,
    billed: true,
  };
}
