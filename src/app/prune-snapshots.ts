import { pickSurplus, type Retention } from '../domain/pick-surplus.ts';
import { readPrebuildName } from '../domain/prebuild.ts';
import { type AppContext, callOptions } from './context.ts';
import { isOf, knownKeys } from './retain-snapshots.ts';
import { type ListedSnapshot, listSnapshots } from './snapshots.ts';

export interface Pruning {
  surplus: ListedSnapshot[];
  /** How many would go too, were they of machines that this computer made. */
  foreign: number;
}

/**
 * Decides which snapshots go, and changes nothing.
 * @param request all: also those of machines that this computer did not make
 */
export async function planPruning(
  context: AppContext,
  request: Retention & { all: boolean },
): Promise<Pruning> {
  const keys = knownKeys(await context.state());
  const surplus: ListedSnapshot[] = [];
  let foreign = 0;
  // Prebuilds have a retention of their own.
  const all = (await listSnapshots(context)).filter(
    ({ snapshot }) => readPrebuildName(snapshot.name) === null,
  );
  const listed = Map.groupBy(all, ({ provider }) => provider);
  for (const ofProvider of listed.values()) {
    const own = request.all ? ofProvider : ofProvider.filter(({ snapshot }) => isOf(snapshot, keys));
    const nowMs = context.runtime.now();
    const found = pickSurplus(own, request, nowMs);
    surplus.push(...found);
    foreign += pickSurplus(ofProvider, request, nowMs).filter((one) => !own.includes(one)).length;
  }
  return { surplus, foreign };
}

/** @throws what the provider says: a snapshot may be in use */
export async function deleteListed(
  context: AppContext,
  { provider: id, snapshot }: ListedSnapshot,
): Promise<void> {
  const provider = await context.provider(id);
  await provider.snapshots?.delete(snapshot.id, callOptions(context, 5 * 60_000));
}
