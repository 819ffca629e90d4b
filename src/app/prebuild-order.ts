/** What of a project's order a prebuild is made of, and the hash that says of which. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProjectFile } from '../domain/project.ts';
import type { ImageRef, Size } from '../domain/provider.ts';
import type { AppContext } from './context.ts';
import { type PreparedSetup, prepareSetup } from './setup-order.ts';

/** Raised when a disk that was made before would differ from one that is made now. */
const formVersion = 1;

/** What a disk depends on, besides the project. */
export interface PrebuildFacts {
  provider: string;
  /** That the machine was started from before anything was installed on it. */
  image: ImageRef;
  arch: NonNullable<Instance['arch']>;
  /** A machine with a smaller disk can't be started from it; null: the provider tells no size. */
  diskGiB: number | null;
  user: string;
}

export interface PrebuildOrder {
  hash: string;
  prepared: PreparedSetup;
}

/**
 * The part of the order that can be carried out before anything of the user's is on the machine: packages, bundles and AI
 * tools, in the very words in which the whole order has them, so that the machine finds them done. No variable, repository,
 * dotfile or command is in it.
 * @returns null where the project asks for none of those
 * @throws SpuffError `config`; `unsupported` for what would not be found done
 */
export async function planPrebuild(
  context: Pick<AppContext, 'agentPackage'>,
  project: ProjectFile,
  facts: PrebuildFacts,
): Promise<PrebuildOrder | null> {
  const { user, arch, image } = facts;
  const { order } = await prepareSetup({ project, env: new Map() }, { user, arch, image });
  const { bundles, aiTools } = order;
  // Of the same parts as in the whole order: git is among the packages where something is to be cloned.
  const clones = order.repositories.length > 0 || order.dotfiles !== null;
  const packages = [...new Set([...order.packages, ...(clones ? ['git'] : [])])];
  if (bundles.length + aiTools.length + packages.length === 0) return null;
  if (bundles.length + aiTools.length > 0) refuseNewer(image);
  const { version: agent } = await context.agentPackage();
  const start = [facts.provider, nameOf(image), arch, facts.diskGiB, user];
  const content = [formVersion, agent, start, packages.toSorted(), bundles, aiTools];
  const tools = {
    ...{ version: order.version, project: order.project, directory: order.directory, keepEnv: false },
    ...{ bundles, aiTools, packages, repositories: [], dotfiles: null, services: null },
    ...{ setup: [], postUp: [], preDown: [] },
  };
  return { hash: hashOf(content), prepared: { order: tools, env: new Map() } };
}

/** Of a machine from a snapshot it is not known what that stands on, and bundles are planned as for Debian 12. */
function refuseNewer(image: ImageRef): void {
  if (image.kind !== 'slug' || !image.slug.includes('debian-13')) return;
  throw new SpuffError('unsupported', `no prebuild with bundles is made of ${image.slug}`, {
    hints: ['use an image of Debian 12, or leave prebuild: out'],
  });
}

/** The same for the same image, whoever has read it from where. */
export function nameOf(image: ImageRef): string {
  return image.kind === 'slug' ? `slug ${image.slug}` : `id ${image.id}`;
}

/** null where it is not told, and machines of several kinds can be had. */
export function archOf(sizes: readonly Size[], size: string): PrebuildFacts['arch'] | null {
  const named = sizes.find(({ id }) => id === size)?.arch;
  if (named !== undefined) return named;
  const kinds = [...new Set(sizes.map(({ arch }) => arch))];
  return kinds.length === 1 ? (kinds[0] ?? null) : null;
}

export function diskOf(sizes: readonly Size[], size: string): number | null {
  return sizes.find(({ id }) => id === size)?.diskGiB ?? null;
}

/** Loads `node:crypto` when it is needed: few commands need it. */
function hashOf(content: unknown): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}
