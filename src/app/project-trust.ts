/**
 * A repository is somebody else's until its user says otherwise: what its files take of this computer is asked about once, and
 * again when it says something else.
 */
import { SpuffError } from '../domain/errors.ts';
import { type ProjectFile, placeOf } from '../domain/project.ts';
import type { Settings } from '../domain/settings.ts';
import type { ProjectWish } from '../domain/trust.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';
import { collectVariables, wishesOf } from './project-variables.ts';

export interface ProjectTrust {
  wishes: readonly ProjectWish[];
  /** Those among them that the user has not seen yet. */
  untrusted: readonly ProjectWish[];
}

/** @throws SpuffError `config` | `permission` for files that are not to be used, `state` for an entry that can't be read */
export async function readProjectTrust(
  context: Pick<AppContext, 'projectFiles' | 'trust' | 'signal' | 'settings'>,
  project: ProjectFile,
): Promise<ProjectTrust> {
  const variables = await collectVariables(context, project);
  const wishes = [...variables.flatMap(wishesOf), ...tailnetWishes(project, await context.settings())];
  return { wishes, untrusted: await findUntrusted(context, project, wishes) };
}

/**
 * A machine that joins is in the user's own network, with the rights of its tags: a project may ask for that where the user's
 * settings do not say it already.
 */
export function tailnetWishes(project: ProjectFile, user: Settings): ProjectWish[] {
  const { enabled, tags } = project.tailscale;
  const joins = enabled ?? user.tailscale;
  const isOwn = user.tailscale && (tags === undefined || tags.join() === user.tailscaleTags?.join());
  if (!joins || isOwn) return [];
  const as = tags === undefined || tags.length === 0 ? '' : ` as ${tags.join(', ')}`;
  return [{ setting: 'tailscale', wish: `join: your tailnet${as}`, where: placeOf(project, 'tailscale') }];
}

/** All that the project wishes, no more and no less: what it no longer asks for is no longer trusted. */
export async function trustProject(
  { trust }: Pick<AppContext, 'trust'>,
  project: ProjectFile,
  wishes: readonly ProjectWish[],
): Promise<void> {
  const store = await trust();
  store.replace(
    project.root,
    wishes.map(({ wish }) => wish),
  );
}

/** @throws SpuffError `permission` naming each wish that the user has not been asked about */
export async function refuseUntrusted(
  context: Pick<AppContext, 'trust'>,
  project: ProjectFile,
  wishes: readonly ProjectWish[],
): Promise<void> {
  const untrusted = await findUntrusted(context, project, wishes);
  if (untrusted.length === 0) return;
  const lines = untrusted.map(
    ({ setting, wish, where }) => `${where}: ${setting}: ${escapeText(wish, { singleLine: true })}`,
  );
  throw new SpuffError(
    'permission',
    `this project wants of you what you have not let it have yet:\n${lines.join('\n')}`,
    {
      hints: ['look at it, and at what commands run; if it may: spuff trust'],
    },
  );
}

async function findUntrusted(
  { trust }: Pick<AppContext, 'trust'>,
  { root }: ProjectFile,
  wishes: readonly ProjectWish[],
): Promise<ProjectWish[]> {
  if (wishes.length === 0) return [];
  const trusted = (await trust()).list(root);
  return wishes.filter(({ wish }) => !trusted.has(wish));
}
