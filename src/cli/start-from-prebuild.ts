/** How `up` comes to start from a prebuild, and to leave one behind. */
import { openPrebuildSearch, type PrebuildSearch, usesPrebuilds } from '../app/find-prebuild.ts';
import { nameOf } from '../app/prebuild-order.ts';
import type { SetupStatus } from '../app/watch-setup.ts';
import { formatDuration } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { Cli } from './cli.ts';

export interface PrebuildUse extends PrebuildSearch {
  /**
   * Where the file says `auto` and there was none, makes one of the first machine. To be called before anything of the user's
   * comes to it. That it can't be made is a warning: the setup that follows does the same.
   */
  takeOf(instances: readonly Instance[]): Promise<void>;
  /** What it has saved, once the machine is set up. */
  tellSaving(instance: Instance, status: SetupStatus): void;
}

export function openPrebuildUse(cli: Cli, project: ProjectFile): PrebuildUse | null {
  if (!usesPrebuilds(project)) return null;
  const search = openPrebuildSearch(cli.context, project);
  return {
    ...search,
    async takeOf([instance]) {
      if (!instance || project.prebuild !== 'auto' || search.found() !== null) return;
      // One that an earlier run had begun may stand on something else.
      const image = search.image();
      if (image === null || nameOf(instance.image) !== nameOf(image)) return;
      await takeOf(cli, project, instance);
    },
    tellSaving(instance, status) {
      const prebuild = search.found();
      if (instance.image.kind !== 'id' || instance.image.id !== prebuild?.snapshot.id) return;
      const nowMs = toolsMs(status);
      const { coldSetupMs, snapshot } = prebuild;
      cli.say(
        `${instance.name} started from ${snapshot.name}: its packages and tools took ${formatDuration(coldSetupMs)} then, ` +
          `${formatDuration(nowMs)} now (saved: ${formatDuration(Math.max(coldSetupMs - nowMs, 0))})`,
      );
    },
  };
}

async function takeOf({ context }: Cli, project: ProjectFile, instance: Instance): Promise<void> {
  const provider = await context.provider(instance.provider);
  // The search has said so.
  if (!provider.snapshots) return;
  const { planPrebuildOf, takePrebuild } = await import('../app/take-prebuild.ts');
  try {
    const order = await planPrebuildOf(context, project, instance);
    if (order !== null) await takePrebuild(context, project, instance, order);
  } catch (error) {
    if (!(error instanceof SpuffError) || context.signal.aborted) throw error;
    context.progress.warn(`no prebuild is made: ${error.message}`);
  }
}

/** What the parts that a prebuild has took in this run. */
function toolsMs({ parts, startedAt }: SetupStatus): number {
  const times = parts
    .filter(({ kind }) => kind === 'packages' || kind === 'bundle' || kind === 'ai')
    .filter((part) => part.startedAt !== null && startedAt !== null && part.startedAt >= startedAt)
    .map(
      (part) => [Date.parse(part.startedAt ?? ''), Date.parse(part.endedAt ?? part.startedAt ?? '')] as const,
    );
  if (times.length === 0) return 0;
  // Side by side: from the first to the last.
  return Math.max(...times.map(([, end]) => end)) - Math.min(...times.map(([start]) => start));
}
