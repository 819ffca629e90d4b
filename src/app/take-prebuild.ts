/** Makes a prebuild of a machine that nothing of the user's has come to yet. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { writePrebuildName } from '../domain/prebuild.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { SnapshotInfo } from '../domain/provider.ts';
import { makeRandomName } from '../lib/random-name.ts';
import { cleanForPrebuild } from './clean-for-prebuild.ts';
import { type AppContext, callOptions } from './context.ts';
import { diskOf, type PrebuildOrder, planPrebuild } from './prebuild-order.ts';
import { retainPrebuilds } from './prebuilds.ts';
import { setUpPrepared, setupError } from './run-setup.ts';
import { takeSnapshot } from './snapshots.ts';

/**
 * What a prebuild of this machine would be, which is as its image made it; null where the project asks for nothing that
 * would be on it.
 * @throws SpuffError `unsupported` where the provider has no snapshots, or none are made of the image
 */
export async function planPrebuildOf(
  context: AppContext,
  project: ProjectFile,
  instance: Instance,
): Promise<PrebuildOrder | null> {
  const provider = await context.provider(instance.provider);
  if (!provider.snapshots)
    throw new SpuffError('unsupported', `${provider.id} has no snapshots, so there are no prebuilds`);
  if (instance.arch === null) throw new TypeError('a machine that is ready has a processor');
  const { sizes } = await provider.catalog(callOptions(context, 60_000));
  const { image, arch, size, user } = instance;
  const facts = { provider: provider.id, image, arch, diskGiB: diskOf(sizes, size), user };
  return planPrebuild(context, project, facts);
}

/**
 * Has packages, bundles and AI tools installed, cleans the disk and keeps it; older prebuilds of the project go. The machine
 * stays, and finds those parts done.
 * @param instance fresh: no session was on it, and no variable, repository or file of the project has come to it
 * @throws SpuffError `setup` where a part failed; what the provider says
 */
export async function takePrebuild(
  context: AppContext,
  project: ProjectFile,
  instance: Instance,
  { hash, prepared }: PrebuildOrder,
): Promise<SnapshotInfo> {
  const status = await setUpPrepared(context, instance, prepared);
  const error = setupError(instance, status);
  if (error !== null) throw error;
  const coldSetupMs = lengthOf(status);
  const mark = makeRandomName().slice(0, 4);
  const name = writePrebuildName({ project: project.name, hash, coldSetupMs, mark });
  await cleanForPrebuild(context, instance);
  const made = await takeSnapshot(context, instance, name);
  await retainPrebuilds(context, await context.provider(instance.provider), project.name);
  return made;
}

function lengthOf({ startedAt, endedAt }: { startedAt: string | null; endedAt: string | null }): number {
  if (startedAt === null || endedAt === null) return 0;
  return Math.max(Date.parse(endedAt) - Date.parse(startedAt), 0);
}
