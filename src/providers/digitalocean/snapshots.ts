import type { InstanceKey } from '../../domain/ids.ts';
import type { CallOptions, Money, SnapshotInfo, SnapshotStore } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import type { Answer } from './answer.ts';
import type { Api } from './api.ts';
import { isUnsure } from './errors.ts';
import { failure } from './failure.ts';
import { dropletPathOf, getMachine } from './machine-lookup.ts';
import { readSnapshotName, writeSnapshotName } from './snapshot-name.ts';

const snapshotPath = '/v2/snapshots';

/** A snapshot of a disk of some gigabytes takes minutes. */
const actionPolicy = { firstDelayMs: 3_000, factor: 1.3, maxDelayMs: 10_000, jitter: 0.2 };

/** The answer to the order names an action and no snapshot: that is found by its name, which no other one has. */
export function createSnapshotStore(api: Api): SnapshotStore {
  return {
    create: (id, name, call) => takeSnapshot(api, id, name, call),
    async *list(call) {
      const query = { resource_type: 'droplet' };
      const all = await api.pages({ op: 'snapshots.list', path: snapshotPath, query }, 'snapshots', call);
      const ours = all.map(toSnapshot).filter((snapshot) => snapshot !== null);
      yield* ours.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
    },
    delete: (id, call) => deleteSnapshot(api, id, call),
    price: async () => ({ monthly: gigabyteMonth, perBytes: bytesInGigabyte }),
  };
}

/**
 * The API has no price of snapshots, and bills by the size that it tells.
 * @see https://docs.digitalocean.com/products/snapshots/details/pricing/
 */
const gigabyteMonth: Money = { amount: '0.06', currency: 'USD', basis: 'net' };
const bytesInGigabyte = 1e9;

async function takeSnapshot(
  api: Api,
  id: string,
  name: string,
  call: CallOptions & { expectKey: InstanceKey },
): Promise<SnapshotInfo> {
  const op = 'snapshots.create';
  checkName(name, op);
  const vm = await getMachine(api, id, call, op);
  if (vm === null) throw failure('not-found', op, 'the machine to take a snapshot of is gone');
  if (vm.key !== call.expectKey)
    throw failure(
      'protected',
      op,
      'the machine does not carry the key of the instance to take a snapshot of',
    );
  const fullName = writeSnapshotName({ key: vm.key, instanceName: vm.instanceName, name });
  if (fullName.length > 255)
    throw failure('invalid', op, 'the name of the snapshot is too long for DigitalOcean', {
      field: 'name',
      hints: ['take a shorter one; each letter outside ASCII counts six times and more'],
    });
  const before = new Set((await snapshotsOf(api, vm.id, call)).map((one) => one.at('id').id()));
  await order(api, vm.id, fullName, call);
  const made = await api.wait(
    async () => {
      const all = await snapshotsOf(api, vm.id, call);
      return all.find((one) => one.at('name').text() === fullName && !before.has(one.at('id').id()));
    },
    call,
    { policy: actionPolicy },
  );
  const snapshot = made && toSnapshot(made);
  if (snapshot) return snapshot;
  throw failure('timeout', op, 'DigitalOcean does not list the snapshot that it has taken', {
    retryable: true,
  });
}

function checkName(name: string, op: string): void {
  if (name !== '' && name.length <= 100 && escapeText(name, { singleLine: true }) === name) return;
  throw failure('invalid', op, 'a snapshot needs a name of 1 to 100 printable characters', { field: 'name' });
}

async function snapshotsOf(api: Api, id: string, call: CallOptions): Promise<Answer[]> {
  const question = { op: 'snapshots.create', path: `${dropletPathOf(id)}/snapshots` };
  return await api.pages(question, 'snapshots', call);
}

/** Returns when the cloud says that it is done. */
async function order(api: Api, id: string, name: string, call: CallOptions): Promise<void> {
  const op = 'snapshots.create';
  const path = `${dropletPathOf(id)}/actions`;
  const earlier = await newestSnapshotAction(api, path, call);
  const actionId = await startAction(api, path, name, earlier, call);
  const state = await api.wait(
    async () => {
      const action = (await api.get({ op, path: `/v2/actions/${actionId}` }, call)).at('action');
      const status = action.at('status').text();
      return status === 'in-progress' ? undefined : status;
    },
    call,
    { policy: actionPolicy },
  );
  if (state === 'completed') return;
  if (state === undefined)
    throw failure('timeout', op, 'DigitalOcean has not finished the snapshot in time', { retryable: true });
  throw failure(
    'action-failed',
    op,
    `DigitalOcean could not take the snapshot (${escapeText(state, { singleLine: true })})`,
    {
      hints: ['try again'],
    },
  );
}

/** An order whose answer was lost shows among the machine's actions, or it never got through. */
async function startAction(
  api: Api,
  path: string,
  name: string,
  earlier: string | null,
  call: CallOptions,
): Promise<string> {
  const op = 'snapshots.create';
  try {
    const answer = await api.post({ op, path }, { type: 'snapshot', name }, call);
    return answer.at('action').at('id').id();
  } catch (error) {
    const unsure = error instanceof ProviderError && isUnsure(error);
    const newest = unsure ? await newestSnapshotAction(api, path, call) : null;
    if (newest === null || newest === earlier) throw error;
    return newest;
  }
}

async function newestSnapshotAction(api: Api, path: string, call: CallOptions): Promise<string | null> {
  const answer = await api.get({ op: 'snapshots.create', path, query: { per_page: 20 } }, call);
  const ids = answer
    .at('actions')
    .list()
    .filter((action) => action.at('type').textOr('') === 'snapshot')
    .map((action) => Number(action.at('id').id()));
  return ids.length === 0 ? null : String(Math.max(...ids));
}

/** Found in the list: the question for a single one takes a scope more. */
async function deleteSnapshot(api: Api, id: string, call: CallOptions): Promise<void> {
  const op = 'snapshots.delete';
  const query = { resource_type: 'droplet' };
  const all = await api.pages({ op, path: snapshotPath, query }, 'snapshots', call);
  const found = all.find((one) => one.at('id').id() === id);
  if (!found) return;
  if (toSnapshot(found) === null) throw failure('protected', op, 'that is no snapshot of spuff');
  await api.remove({ op, path: `${snapshotPath}/${encodeURIComponent(id)}` }, call);
}

/** null: it is not ours. */
function toSnapshot(answer: Answer): SnapshotInfo | null {
  const origin = readSnapshotName(answer.at('name').text());
  if (origin === null) return null;
  const [region] = answer.at('regions').texts();
  const gigabytes = answer.at('size_gigabytes').numberOr(null);
  return {
    id: answer.at('id').id(),
    ...origin,
    createdAt: answer.at('created_at').date(),
    sizeBytes: gigabytes === null ? null : Math.round(gigabytes * bytesInGigabyte),
    region: region === undefined ? null : escapeText(region, { singleLine: true }),
    billed: true,
  };
}
