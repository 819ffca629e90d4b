/** Prepared disks: which there are, and which have had their time. */
import type { SnapshotInfo } from './provider.ts';

/**
 * What a prebuild is stands in the name of its snapshot, which every provider keeps: it is found again by who has lost the
 * local state.
 */
export interface PrebuildName {
  project: string;
  /** Of what it was made of: 16 hexadecimal digits. */
  hash: string;
  /** How long its parts took to be set up on a machine that had none of them. */
  coldSetupMs: number;
  /** 4 hexadecimal digits that tell it from another one of the same. */
  mark: string;
}

export interface ListedPrebuild extends PrebuildName {
  provider: string;
  snapshot: SnapshotInfo;
  /** Of a machine that this computer made: no other is started from by itself. */
  isOwn: boolean;
}

export const prebuildPrefix = 'prebuild.';

/** Older ones are not started from: the packages of what they stand on have had updates since. */
export const prebuildMaxAgeMs = 30 * 24 * 3_600_000;

/** So many of a project stay at a provider, the newest: two branches of it may differ in what they ask for. */
export const prebuildsKept = 2;

const namePattern = /^prebuild\.([a-z0-9-]{1,40})\.([0-9a-f]{16})\.(\d{1,7})s-([0-9a-f]{4})$/;

/** `prebuild.shop.0123456789abcdef.41s-3f2a` */
export function writePrebuildName({ project, hash, coldSetupMs, mark }: PrebuildName): string {
  const seconds = Math.min(Math.max(Math.round(coldSetupMs / 1_000), 0), 9_999_999);
  return `${prebuildPrefix}${project}.${hash}.${seconds}s-${mark}`;
}

/** null: the name of another kind of snapshot. */
export function readPrebuildName(name: string): PrebuildName | null {
  const [, project, hash, seconds, mark] = namePattern.exec(name) ?? [];
  if (project === undefined || hash === undefined || mark === undefined) return null;
  return { project, hash, coldSetupMs: Number(seconds) * 1_000, mark };
}

export interface PrebuildRetention {
  /** So many of each project stay at each provider, the newest. */
  keep: number;
  /** What is older goes, however few there are. */
  olderThanMs: number;
}

/** Those that go, the oldest first; of two of the same hash the older one does. */
export function pickStalePrebuilds<T extends ListedPrebuild>(
  listed: readonly T[],
  { keep, olderThanMs }: PrebuildRetention,
  nowMs: number,
): T[] {
  const groups = Map.groupBy(listed, ({ provider, project }) => `${provider} ${project}`);
  const stale = [...groups.values()].flatMap((ofProject) => {
    const newestFirst = ofProject.toSorted((one, other) => timeOf(other) - timeOf(one));
    const seen = new Set<string>();
    const isRepeated = ({ hash }: T) => seen.has(hash) || !seen.add(hash);
    const distinct = newestFirst.filter((one) => !isRepeated(one));
    const staying = new Set(distinct.slice(0, keep).filter((one) => nowMs - timeOf(one) <= olderThanMs));
    return newestFirst.filter((one) => !staying.has(one));
  });
  return stale.sort((one, other) => timeOf(one) - timeOf(other));
}

function timeOf({ snapshot }: ListedPrebuild): number {
  return snapshot.createdAt.getTime();
}
