/** What a project's file comes to as an order for its machine. */
import { type DevcontainerFile, devcontainerCliPlan } from '../domain/devcontainer.ts';
import { SpuffError } from '../domain/errors.ts';
import { folderOfGitUrl } from '../domain/git-url.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProjectFile, RepositoryWish } from '../domain/project.ts';
import type { Secret } from '../domain/secret.ts';
import type { BundlePlan, SetupOrder, SetupRequest } from '../protocol/setup-schema.ts';
import type { AppContext } from './context.ts';

/** An order whose variables are still secrets: only `renderSetup` writes them out. */
export interface PreparedSetup {
  order: Omit<SetupOrder, 'env'>;
  env: ReadonlyMap<string, Secret>;
}

/** Everything that the user's machine has to find out before; `null` where the project asks for nothing. */
export interface ProjectSetup {
  project: ProjectFile;
  env: ReadonlyMap<string, Secret>;
}

/** Where the project's tree is on its machine, and its commands run. */
export function machineFolderOf(user: string, projectName: string): string {
  return `/home/${user}/${projectName}`;
}

/**
 * Reads the project of a directory and resolves its variables, so that what is missing is said before a machine is made.
 * @throws SpuffError `config` naming what is wrong in the file, and whatever a command of `env` fails with
 */
export async function readProjectSetup(context: AppContext, directory: string): Promise<ProjectSetup | null> {
  const project = await context.project(directory);
  if (project === null) return null;
  const { resolveProjectEnv } = await import('./project-env.ts');
  const env = await resolveProjectEnv(context, project);
  if (env.size === 0 && !asksForSomething(project)) return null;
  // Of a bundle that is none it is known here already, whatever the processor.
  await planTools(project, { arch: 'x86_64', image: null });
  return { project, env };
}

function asksForSomething(project: ProjectFile): boolean {
  const { bundles, packages, repositories, setup, hooks, dotfiles, services, container, aiTools } = project;
  const lists = [bundles, packages, repositories, setup, hooks.postUp, hooks.preDown];
  const asksForTools = aiTools !== 'none' && aiTools.length > 0;
  const things = [dotfiles, services, container];
  return lists.some(({ length }) => length > 0) || things.some((thing) => thing !== null) || asksForTools;
}

/** The order for one machine. @throws SpuffError `config` for what no machine would take */
export async function prepareSetup(
  { project, env }: ProjectSetup,
  instance: Pick<Instance, 'user' | 'arch' | 'image'>,
): Promise<PreparedSetup> {
  const tools = await planTools(project, instance);
  const order = buildSetupOrder(project, { user: instance.user, ...tools });
  const { setupOrder } = await import('../protocol/setup-schema.ts');
  const checked = setupOrder.safeParse({ ...order, env: {} });
  if (checked.success) return { order, env };
  const [issue] = checked.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new SpuffError('config', `${project.path}: ${where}: no machine would take this`, {
    hints: ['shorten it, or put what is long into a script of the project'],
  });
}

async function planTools(
  { bundles, aiTools }: ProjectFile,
  { arch, image }: { arch: Instance['arch']; image: Instance['image'] | null },
): Promise<{ bundles: BundlePlan[]; aiTools: BundlePlan[] }> {
  if (bundles.length === 0 && (aiTools === 'none' || aiTools.length === 0))
    return { bundles: [], aiTools: [] };
  const { planAiTools, planBundles } = await import('../bootstrap/plan-bundles.ts');
  const isNewer = image?.kind === 'slug' && image.slug.includes('debian-13');
  const target = { arch: arch ?? 'x86_64', ...(isNewer && { distribution: 'debian-13' as const }) };
  const hasNode = bundles.some(({ name }) => name === 'node');
  return { bundles: planBundles(bundles, target), aiTools: planAiTools(aiTools, { ...target, hasNode }) };
}

export function buildSetupOrder(
  project: ProjectFile,
  { user, bundles, aiTools }: { user: string; bundles: BundlePlan[]; aiTools: BundlePlan[] },
): Omit<SetupOrder, 'env'> {
  const { services, dotfiles, container } = project;
  return {
    version: 1,
    project: project.name,
    directory: machineFolderOf(user, project.name),
    keepEnv: project.keepEnv,
    ...{ bundles, aiTools },
    packages: [...project.packages],
    repositories: project.repositories.map((wish) => toRepository(wish, folderOfGitUrl(wish.url))),
    dotfiles: dotfiles && toRepository(dotfiles, '.dotfiles'),
    services:
      services?.enabled === true
        ? { composeFile: services.composeFile, profiles: [...services.profiles] }
        : null,
    ...(container && { devcontainer: toDevcontainer(container) }),
    setup: [...project.setup],
    postUp: [...project.hooks.postUp],
    preDown: [...project.hooks.preDown],
  };
}

function toDevcontainer({ path, usesCompose, ports, hash }: DevcontainerFile): SetupOrder['devcontainer'] {
  return { path, usesCompose, ports: [...ports], hash, cli: devcontainerCliPlan };
}

function toRepository({ url, path, branch }: RepositoryWish, usualPath: string) {
  return { url, path: (path ?? usualPath).replace(/^(?:~|\.)\//, '').replace(/\/+$/, ''), branch };
}

/** What goes to the machine's standard input: a line for the request, and the order with its variables. */
export function renderSetup({ order, env }: PreparedSetup, request: SetupRequest): string {
  const values = Object.fromEntries([...env].map(([name, secret]) => [name, secret.reveal()]));
  return `${JSON.stringify(request)}\n${JSON.stringify({ ...order, env: values })}\n`;
}
