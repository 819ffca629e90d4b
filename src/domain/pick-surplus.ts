import type { SnapshotInfo } from './provider.ts';

export interface Retention {
  /** So many of each instance name stay, the newest; null: no number is a reason to keep one. */
  keep: number | null;
  /** What is younger stays; null: no age is. */
  olderThanMs: number | null;
}

/** Snapshots that no rule keeps, the oldest first. Of one whose instance is not known nothing can be said: it stays. */
export function pickSurplus<T extends { snapshot: SnapshotInfo }>(
  listed: readonly T[],
  { keep, olderThanMs }: Retention,
  nowMs: number,
): T[] {
  const named = listed.filter(({ snapshot }) => snapshot.instanceName !== null);
  const byName = Map.groupBy(named, ({ snapshot }) => snapshot.instanceName);
  const surplus = [...byName.values()].flatMap((ofName) =>
    ofName
      .toSorted((one, other) => timeOf(other) - timeOf(one))
      .slice(keep ?? 0)
      .filter((one) => nowMs - timeOf(one) > (olderThanMs ?? Number.NEGATIVE_INFINITY)),
  );
  return surplus.sort((one, other) => timeOf(one) - timeOf(other));
}

function timeOf({ snapshot }: { snapshot: SnapshotInfo }): number {
  return snapshot.createdAt.getTime();
}
