/** The disk of a machine that is to go, kept once: also where reapers of several computers see to it, or one died at it. */
import type { InstanceKey } from '../domain/ids.ts';
import type { SnapshotInfo, SnapshotStore, Vm } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { callOptions } from './context.ts';
import { type JudgedMachine, type ReapRun, tryAgain } from './reap-run.ts';

/**
 * Where nobody tells since when a machine is off, a snapshot that is older than this may be from before it was on again.
 * Taking another one costs less than work that is lost.
 */
const unsureMs = 15 * 60_000;

/**
 * Takes a snapshot under a name that is the machine's alone, unless a run before this one, or another reaper, has one that
 * is as good. Of several the newest stays.
 * @returns the name
 * @throws what the provider says, when there is none in the end
 */
export async function keepDisk(run: ReapRun, { vm, why }: JudgedMachine, key: InstanceKey): Promise<string> {
  const { context, provider } = run;
  const { snapshots } = provider;
  if (!snapshots) {
    throw new ProviderError('invalid', 'its disk is to be kept, and the provider has no snapshots', {
      ...{ provider: provider.id, op: 'snapshots.create', retryable: false },
    });
  }
  const name = `${vm.instanceName ?? 'machine'}-${key.slice(-10)}`;
  const isGood = ({ createdAt }: SnapshotInfo) => createdAt.getTime() >= goodSinceMs(run, vm, why);
  const keep = async () => {
    const own = await findOwn(run, snapshots, key, name);
    if (own.some(isGood)) return removeOlder(run, snapshots, own);
    await snapshots.create(vm.id, name, { ...callOptions(context, 30 * 60_000), expectKey: key });
    await removeOlder(run, snapshots, await findOwn(run, snapshots, key, name));
  };
  await tryAgain(run, keep, mayBeKept);
  return name;
}

/**
 * Another one does no harm, since the older one goes; and another reaper may have been quicker, and the machine gone with it.
 * What was not done in half an hour is left to the next run.
 */
function mayBeKept({ providerCode, info }: ProviderError): boolean {
  if (providerCode === 'timeout') return false;
  return info.retryable || providerCode === 'ambiguous' || providerCode === 'not-found';
}

/** Newest first. Providers list what is finished, and nothing else. */
async function findOwn(
  { clock }: ReapRun,
  snapshots: SnapshotStore,
  key: InstanceKey,
  name: string,
): Promise<SnapshotInfo[]> {
  const own: SnapshotInfo[] = [];
  for await (const one of snapshots.list(clock.options(60_000)))
    if (one.key === key && one.name === name) own.push(one);
  const order = (one: SnapshotInfo, other: SnapshotInfo) =>
    other.createdAt.getTime() - one.createdAt.getTime() || (one.id < other.id ? 1 : -1);
  return own.sort(order);
}

/** Since when nobody can have worked on the machine: a lease that was over may have been extended since. */
function goodSinceMs({ clock }: ReapRun, { expiresAt, stoppedAt }: Vm, why: JudgedMachine['why']): number {
  const known = stoppedAt ?? (why === 'past-deadline' ? expiresAt : null);
  // Times of lists are in whole seconds.
  return known === null ? clock.read().nowMs - unsureMs : Math.floor(known.getTime() / 1_000) * 1_000;
}

/** Two reapers that had the same thought, or one that died: who starts from this name must find one. */
async function removeOlder(
  { context, clock }: ReapRun,
  snapshots: SnapshotStore,
  [, ...older]: readonly SnapshotInfo[],
): Promise<void> {
  for (const { id, name } of older) {
    try {
      await snapshots.delete(id, clock.options(5 * 60_000));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      context.progress.warn(`an older snapshot ${name} stays: ${error.message}`);
    }
  }
}
