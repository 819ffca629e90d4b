/** Makes a prebuild of a machine that nothing of the user's has come to yet. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { writePrebuildName } from '../domain/prebuild.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { SnapshotInfo } from '../domain/provider.ts';
import { makeRandomName } from '../lib/random-name.ts';
import { titleOf } from '../lib/setup-title.ts';
import { cleanForPrebuild } from './clean-for-prebuild.ts';
import { type AppContext, callOptions } from './context.ts';
import { diskOf, type PrebuildOrder, planPrebuild } from './prebuild-order.ts';
import { retainPrebuilds } from './prebuilds.ts';
import { setUpPrepared } from './run-setup.ts';
import { takeSnapshot } from './snapshots.ts';
import type { SetupStatus } from './watch-setup.ts';

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
  if (status.state !== 'done') throw notInstalled(project, status);
  const coldSetupMs = lengthOf(status);
  const mark = makeRandomName().slice(0, 4);
  const name = writePrebuildName({ project: project.name, hash, coldSetupMs, mark });
  await cleanForPrebuild(context, instance);
  const made = await takeSnapshot(context, instance, name);
  await retainPrebuilds(context, await context.provider(instance.provider), project.name);
  return made;
}

/** The machine of a prebuild goes, and its logs with it: a usual one has them to be looked at. */
function notInstalled({ name }: ProjectFile, status: SetupStatus): SpuffError {
  const failed = status.parts.filter(({ state }) => state === 'failed').map((part) => titleOf(part));
  const why =
    failed.length === 0 ? (status.detail ?? 'it did not come to its end') : `${failed.join(', ')} failed`;
  return new SpuffError('setup', `what a prebuild of ${name} has could not be installed: ${why}`, {
    hints: ['a machine of the project keeps the logs of its setup: spuff up'],
  });
}

function lengthOf({ startedAt, endedAt }: { startedAt: string | null; endedAt: string | null }): number {
  if (startedAt === null || endedAt === null) return 0;
  return Math.max(Date.parse(endedAt) - Date.parse(startedAt), 0);
}
