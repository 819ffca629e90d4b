/** The prebuilds that there are: listed, and let go. */
import { SpuffError } from '../domain/errors.ts';
import {
  type ListedPrebuild,
  type PrebuildRetention,
  pickStalePrebuilds,
  prebuildMaxAgeMs,
  prebuildsKept,
  readPrebuildName,
} from '../domain/prebuild.ts';
import type { Provider } from '../domain/provider.ts';
import { type AppContext, callOptions } from './context.ts';
import { isOf, knownKeys } from './retain-snapshots.ts';
import { deleteSnapshot, listSnapshots } from './snapshots.ts';

/** Of every provider in use, the newest last. */
export async function listPrebuilds(context: AppContext): Promise<ListedPrebuild[]> {
  const keys = knownKeys(await context.state());
  return (await listSnapshots(context)).flatMap((listed) => {
    const name = readPrebuildName(listed.snapshot.name);
    return name === null ? [] : [{ ...listed, ...name, isOwn: isOf(listed.snapshot, keys) }];
  });
}

/** Of one project at one provider. @throws ProviderError */
export async function listPrebuildsOf(
  context: AppContext,
  provider: Provider,
  project: string,
): Promise<ListedPrebuild[]> {
  const keys = knownKeys(await context.state());
  const found: ListedPrebuild[] = [];
  for await (const snapshot of provider.snapshots?.list(callOptions(context, 60_000)) ?? []) {
    const name = readPrebuildName(snapshot.name);
    if (name?.project !== project) continue;
    found.push({ provider: provider.id, snapshot, ...name, isOwn: isOf(snapshot, keys) });
  }
  return found;
}

/**
 * Decides which go, and changes nothing.
 * @param request all: also those of machines that this computer did not make
 */
export async function planPrebuildPruning(
  context: AppContext,
  { all, ...retention }: PrebuildRetention & { all: boolean },
): Promise<{ stale: ListedPrebuild[]; foreign: number }> {
  const listed = await listPrebuilds(context);
  const nowMs = context.runtime.now();
  const own = listed.filter(({ isOwn }) => all || isOwn);
  const others = listed.filter((one) => !own.includes(one));
  return {
    stale: pickStalePrebuilds(own, retention, nowMs),
    foreign: pickStalePrebuilds(others, retention, nowMs).length,
  };
}

/** Once there is a new one. Whatever fails is a warning: what was asked for has been done. */
export async function retainPrebuilds(
  context: AppContext,
  provider: Provider,
  project: string,
): Promise<void> {
  try {
    const own = (await listPrebuildsOf(context, provider, project)).filter(({ isOwn }) => isOwn);
    const retention = { keep: prebuildsKept, olderThanMs: prebuildMaxAgeMs };
    for (const { snapshot } of pickStalePrebuilds(own, retention, context.runtime.now())) {
      await provider.snapshots?.delete(snapshot.id, callOptions(context, 5 * 60_000));
      context.progress.note(`${snapshot.name} is deleted: a newer prebuild is there`);
    }
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    context.progress.warn(`an older prebuild of ${project} stays: ${error.message}`);
  }
}

/** @throws SpuffError `not-found` | `usage`: for what is no prebuild, before it is looked for */
export async function deletePrebuild(context: AppContext, nameOrId: string): Promise<void> {
  if (readPrebuildName(nameOrId) === null) {
    const isThere = (await listPrebuilds(context)).some(({ snapshot }) => snapshot.id === nameOrId);
    if (!isThere) {
      throw new SpuffError('not-found', `there is no prebuild ${JSON.stringify(nameOrId)}`, {
        hints: ['see what there is: spuff prebuild list'],
      });
    }
  }
  await deleteSnapshot(context, nameOrId);
}
