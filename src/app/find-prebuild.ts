/** Looks for a disk on which what a project asks for is installed already. */

import { formatDuration } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import { type ListedPrebuild, prebuildMaxAgeMs } from '../domain/prebuild.ts';
import { type ProjectFile, placeOf } from '../domain/project.ts';
import type { ImageRef, Provider } from '../domain/provider.ts';
import { escapeText } from '../lib/escape.ts';
import { type AppContext, callOptions } from './context.ts';
import { archOf, diskOf, planPrebuild } from './prebuild-order.ts';
import { listPrebuildsOf } from './prebuilds.ts';

/** A machine as it is planned, before it is decided what it starts from. */
export interface PlannedStart {
  provider: Provider;
  /** All in which it may be made. */
  regions: readonly string[];
  size: string;
  /** Without a prebuild. */
  image: ImageRef;
  user: string;
}

export interface PrebuildSearch {
  /** What to start from; null: there is nothing that fits, and the image is to be taken. Says why, once. */
  find(start: PlannedStart): Promise<ImageRef | null>;
  /** The image of the last start that was asked for: what a prebuild would be made of. */
  image(): ImageRef | null;
  /** The one that was found. */
  found(): ListedPrebuild | null;
}

/** Whether a project's file lets prebuilds be started from: unless it says `off`, they are when there are some. */
export function usesPrebuilds({ prebuild, places }: ProjectFile): boolean {
  return prebuild === 'auto' || !places.has('prebuild');
}

/** Asks once, however many machines are planned. That it can't be found out is no reason to make none. */
export function openPrebuildSearch(context: AppContext, project: ProjectFile): PrebuildSearch {
  let asked: Promise<ListedPrebuild | null> | undefined;
  let found: ListedPrebuild | null = null;
  let image: ImageRef | null = null;
  return {
    async find(start) {
      image = start.image;
      asked ??= lookFor(context, project, start);
      found = await asked;
      return found && { kind: 'id', id: found.snapshot.id };
    },
    image: () => image,
    found: () => found,
  };
}

async function lookFor(
  context: AppContext,
  project: ProjectFile,
  start: PlannedStart,
): Promise<ListedPrebuild | null> {
  const { progress } = context;
  if (!start.provider.snapshots) {
    if (project.prebuild === 'auto')
      progress.warn(
        `${placeOf(project, 'prebuild')}: ${start.provider.id} has no snapshots, so there are no prebuilds`,
      );
    return null;
  }
  try {
    const listed = await listPrebuildsOf(context, start.provider, project.name);
    if (listed.length === 0) return null;
    return await choose(context, project, start, listed);
  } catch (error) {
    if (!(error instanceof SpuffError) || context.signal.aborted) throw error;
    progress.warn(`no prebuild is used: ${error.message}`, error.hints);
    return null;
  }
}

async function choose(
  context: AppContext,
  project: ProjectFile,
  { provider, regions, size, image, user }: PlannedStart,
  listed: readonly ListedPrebuild[],
): Promise<ListedPrebuild | null> {
  const { progress, runtime } = context;
  const { sizes } = await provider.catalog(callOptions(context, 60_000));
  const arch = archOf(sizes, size);
  if (arch === null) return null;
  const facts = { provider: provider.id, image, arch, diskGiB: diskOf(sizes, size), user };
  const hash = (await planPrebuild(context, project, facts))?.hash;
  const same = listed.filter((one) => one.hash === hash);
  const own = same.filter(({ isOwn }) => isOwn);
  const isThere = ({ snapshot: { region } }: ListedPrebuild) =>
    region === null || regions.every((one) => one === region);
  const ageMs = ({ snapshot }: ListedPrebuild) => runtime.now() - snapshot.createdAt.getTime();
  const [newest] = own.filter(isThere).sort((one, other) => ageMs(one) - ageMs(other));
  if (newest && ageMs(newest) <= prebuildMaxAgeMs) return newest;
  if (newest)
    progress.note(
      `${newest.snapshot.name} is not used: it is ${formatDuration(ageMs(newest))} old, without the updates since`,
    );
  else if (own.length > 0)
    progress.note(`no prebuild of ${project.name} can be used in ${regions.join(', ')}`);
  else if (same[0]) {
    const name = escapeText(same[0].snapshot.name, { singleLine: true });
    progress.note(
      `${name} is not used: it is of a machine that this computer did not make, or has forgotten (--snapshot ${name} does)`,
    );
  } else
    progress.note(
      `no prebuild of ${project.name} is used: what there is, is of other packages, bundles or images`,
    );
  return null;
}
