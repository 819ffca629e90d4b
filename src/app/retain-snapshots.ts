import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import { pickSurplus } from '../domain/pick-surplus.ts';
import { readPrebuildName } from '../domain/prebuild.ts';
import type { Provider, SnapshotInfo } from '../domain/provider.ts';
import type { StateStore } from '../domain/state.ts';
import { type AppContext, callOptions } from './context.ts';

/**
 * Deletes what `keep_snapshots` leaves no room for, once there is a new snapshot. Only those of machines that this computer
 * made: in an account that is shared, another's instance may have the same name. Whatever fails is a warning, because what
 * was asked for has been done.
 */
export async function retainSnapshots(
  context: AppContext,
  provider: Provider,
  { instanceName, state }: { instanceName: string; state: StateStore },
): Promise<void> {
  try {
    const { keepSnapshots: keep } = await context.settings();
    if (keep === null || !provider.snapshots) return;
    const keys = knownKeys(state);
    const own: { snapshot: SnapshotInfo }[] = [];
    for await (const snapshot of provider.snapshots.list(callOptions(context, 60_000))) {
      const isMeant = snapshot.instanceName === instanceName && readPrebuildName(snapshot.name) === null;
      if (isMeant && isOf(snapshot, keys)) own.push({ snapshot });
    }
    for (const { snapshot } of pickSurplus(own, { keep, olderThanMs: null }, context.runtime.now())) {
      await provider.snapshots.delete(snapshot.id, callOptions(context, 5 * 60_000));
      context.progress.note(`snapshot ${snapshot.name} is deleted: keep_snapshots is ${keep}`);
    }
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    context.progress.warn(`an older snapshot of ${instanceName} stays: ${error.message}`);
  }
}

/** Of the machines that this computer has made, as far as it knows: a reaper writes receipts of others' as well. */
export function knownKeys(state: StateStore): ReadonlySet<InstanceKey> {
  const gone = state.listReceipts().filter(({ directory }) => directory !== null);
  return new Set([...state.listInstances(), ...gone].map(({ key }) => key));
}

export function isOf({ key }: SnapshotInfo, keys: ReadonlySet<InstanceKey>): boolean {
  return key !== null && keys.has(key);
}
