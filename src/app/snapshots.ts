import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { prebuildPrefix } from '../domain/prebuild.ts';
import type { Provider, SnapshotInfo, SnapshotStore } from '../domain/provider.ts';
import { escapeText } from '../lib/escape.ts';
import { type AppContext, callOptions } from './context.ts';
import { retainSnapshots } from './retain-snapshots.ts';
import { requireReady } from './select-instance.ts';
import { providersInUse } from './untracked-machines.ts';

const namePattern = /^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/;

/** @throws SpuffError `usage` when `text` can't be the name of a snapshot */
export function checkSnapshotName(text: string): string {
  if (text.startsWith(prebuildPrefix)) {
    throw new SpuffError(
      'usage',
      `names that begin with ${JSON.stringify(prebuildPrefix)} are those of prebuilds`,
      {
        hints: ['make one: spuff prebuild create'],
      },
    );
  }
  if (namePattern.test(text)) return text;
  throw new SpuffError('usage', `${JSON.stringify(text)} is not a usable snapshot name`, {
    hints: [
      'use 1 to 63 lower-case letters, digits, dots, underscores and hyphens, with a letter or digit at both ends',
    ],
  });
}

/** `demo-20261123-141500`, in UTC: unique enough, and it sorts. */
export function defaultSnapshotName(instanceName: string, nowMs: number): string {
  const moment = new Date(nowMs).toISOString();
  return `${instanceName}-${moment.slice(0, 10).replaceAll('-', '')}-${moment.slice(11, 19).replaceAll(':', '')}`;
}

/**
 * Keeps the disk of an instance under a name.
 * @throws SpuffError `conflict` when the name is taken, or another process is at work on the instance
 */
export async function createSnapshot(
  context: AppContext,
  instance: Instance,
  name: string,
): Promise<SnapshotInfo> {
  checkSnapshotName(name);
  const made = await takeSnapshot(context, instance, name);
  const provider = await context.provider(instance.provider);
  await retainSnapshots(context, provider, { instanceName: instance.name, state: await context.state() });
  return made;
}

/**
 * Under a name of any form, and nothing goes for it.
 * @throws SpuffError `conflict` as `createSnapshot`; `unsupported` where the provider has none
 */
export async function takeSnapshot(
  context: AppContext,
  instance: Instance,
  name: string,
): Promise<SnapshotInfo> {
  const { vmId } = requireReady(instance);
  const provider = await context.provider(instance.provider);
  const snapshots = storeOf(provider);
  if (vmId === null) throw new SpuffError('conflict', `${instance.name} has no machine`);
  await refuseTakenName(context, provider, name);
  const state = await context.state();
  const operation = state.beginOperation('snapshot', instance.key);
  const step = context.progress.start(`snapshot ${name} of ${instance.name}`);
  try {
    const made = await snapshots.create(vmId, name, {
      ...callOptions(context, 30 * 60_000),
      expectKey: instance.key,
    });
    state.endOperation(operation.id, 'done');
    step.done();
    return made;
  } catch (error) {
    step.fail();
    state.endOperation(operation.id, 'failed');
    throw error;
  }
}

export interface ListedSnapshot {
  provider: string;
  snapshot: SnapshotInfo;
}

/** Of every provider in use: the configured one, and those of the known instances. */
export async function listSnapshots(context: AppContext): Promise<ListedSnapshot[]> {
  const listed: ListedSnapshot[] = [];
  for (const provider of await openProvidersInUse(context)) {
    if (!provider.snapshots) continue;
    for await (const snapshot of provider.snapshots.list(callOptions(context, 60_000))) {
      listed.push({ provider: provider.id, snapshot });
    }
  }
  return listed.sort((one, other) => one.snapshot.createdAt.getTime() - other.snapshot.createdAt.getTime());
}

/** @throws SpuffError `not-found` | `usage` when the name is nobody's or several snapshots' */
export async function deleteSnapshot(context: AppContext, nameOrId: string): Promise<SnapshotInfo> {
  const found: { provider: Provider; snapshot: SnapshotInfo }[] = [];
  for (const provider of await openProvidersInUse(context)) {
    if (!provider.snapshots) continue;
    for await (const snapshot of provider.snapshots.list(callOptions(context, 60_000))) {
      if (snapshot.id === nameOrId || snapshot.name === nameOrId) found.push({ provider, snapshot });
    }
  }
  const { provider, snapshot } = pickOne(found, nameOrId, ({ snapshot: { id } }) => id);
  const step = context.progress.start(`deleting snapshot ${snapshot.name}`);
  try {
    await provider.snapshots?.delete(snapshot.id, callOptions(context, 5 * 60_000));
    step.done();
    return snapshot;
  } catch (error) {
    step.fail();
    throw error;
  }
}

/** @throws SpuffError `not-found` | `usage` */
export async function findSnapshot(
  context: AppContext,
  provider: Provider,
  nameOrId: string,
): Promise<SnapshotInfo> {
  const found: SnapshotInfo[] = [];
  for await (const snapshot of storeOf(provider).list(callOptions(context, 60_000))) {
    if (snapshot.id === nameOrId || snapshot.name === nameOrId) found.push(snapshot);
  }
  return pickOne(found, nameOrId, ({ id }) => id);
}

function pickOne<T>(found: readonly T[], nameOrId: string, idOf: (one: T) => string): T {
  const [first] = found;
  if (first === undefined) {
    throw new SpuffError('not-found', `there is no snapshot ${JSON.stringify(nameOrId)}`, {
      hints: ['see what there is: spuff snapshot list'],
    });
  }
  if (found.length === 1) return first;
  const ids = found.map((one) => escapeText(idOf(one), { singleLine: true })).join(', ');
  throw new SpuffError('usage', `there are ${found.length} snapshots named ${JSON.stringify(nameOrId)}`, {
    hints: [`name it by its id: ${ids}`],
  });
}

/** @throws SpuffError `conflict` when the provider has a snapshot of this name: `up --snapshot` could not tell them apart */
export async function refuseTakenName(context: AppContext, provider: Provider, name: string): Promise<void> {
  for await (const snapshot of storeOf(provider).list(callOptions(context, 60_000))) {
    if (snapshot.name !== name) continue;
    throw new SpuffError('conflict', `${provider.id} has a snapshot named ${name} already`, {
      hints: [`use another name, or delete that one: spuff snapshot delete ${name}`],
    });
  }
}

/** @throws SpuffError `config`: with wrong settings it is not known where all of them are */
async function openProvidersInUse(context: AppContext): Promise<Provider[]> {
  const { ids, problem } = await providersInUse(context);
  if (problem) throw problem;
  return Promise.all(ids.map((id) => context.provider(id)));
}

function storeOf(provider: Provider): SnapshotStore {
  if (provider.snapshots) return provider.snapshots;
  throw new SpuffError('unsupported', `${provider.id} has no snapshots`);
}
