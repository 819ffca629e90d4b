/** A prebuild on request, made on a machine of its own. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ListedPrebuild } from '../domain/prebuild.ts';
import type { ProjectFile } from '../domain/project.ts';
import { makeRandomName } from '../lib/random-name.ts';
import type { AppContext } from './context.ts';
import { downInstance } from './down.ts';
import { openPrebuildSearch } from './find-prebuild.ts';
import type { UpRequest } from './plan-up.ts';
import { listPrebuildsOf } from './prebuilds.ts';
import { planPrebuildOf, takePrebuild } from './take-prebuild.ts';
import { previewUp, upInstance } from './up.ts';

/** Setups take minutes; a machine whose `spuff` was killed is not to cost more than this. */
const builderTtlMs = 2 * 3_600_000;

export type BuildRequest = Pick<UpRequest, 'provider' | 'size' | 'regions' | 'image'>;

/** The one that the next `up` would start from; null: there is none. */
export async function findUsablePrebuild(
  context: AppContext,
  project: ProjectFile,
  request: BuildRequest,
): Promise<ListedPrebuild | null> {
  const search = openPrebuildSearch(context, project);
  await previewUp(context, { ...request, name: builderName(project), prebuild: search });
  return search.found();
}

/**
 * Makes a machine, has it set up as far as a prebuild goes, keeps its disk, and destroys it: also when something fails, and
 * on Ctrl-C. Nothing of the user's comes to it.
 * @throws SpuffError `not-found` where the project asks for nothing that would be on the disk
 */
export async function buildPrebuild(
  context: AppContext,
  project: ProjectFile,
  request: BuildRequest,
): Promise<ListedPrebuild> {
  const name = builderName(project);
  const instance = await upInstance(context, { ...request, name, ttlMs: builderTtlMs, idleTimeoutMs: null });
  try {
    const order = await planPrebuildOf(context, project, instance);
    if (order === null) throw nothingInIt(project);
    const { id } = await takePrebuild(context, project, instance, order);
    const provider = await context.provider(instance.provider);
    const made = (await listPrebuildsOf(context, provider, project.name)).find(
      ({ snapshot }) => snapshot.id === id,
    );
    if (made) return made;
    throw new SpuffError('provider', `${provider.id} does not list the prebuild that it has made`);
  } finally {
    await removeBuilder(context, instance);
  }
}

export function nothingInIt({ path }: ProjectFile): SpuffError {
  return new SpuffError('not-found', `${path} asks for nothing that would be in a prebuild`, {
    hints: [
      'packages, bundles and ai_tools are; commands, repositories and dotfiles are done on each machine',
    ],
  });
}

/** Also after Ctrl-C, whose signal would end the removal before it begins. */
async function removeBuilder(context: AppContext, instance: Instance): Promise<void> {
  const signal = context.signal.aborted ? new AbortController().signal : context.signal;
  await downInstance({ ...context, signal }, instance, { snapshot: null, force: true, rescue: false });
}

function builderName(project: ProjectFile): string {
  const start = project.name.slice(0, 24).replace(/-+$/, '');
  return `${start}-prebuild-${makeRandomName().slice(0, 5)}`;
}
