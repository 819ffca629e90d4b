/** What of a machine's files may not come here, because something here would run it or believe it unasked. */
import { existsSync, realpathSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { ProjectFile } from '../domain/project.ts';
import { runGit } from '../lib/git.ts';
import { splitWords } from '../lib/split-words.ts';
import type { AppContext } from './context.ts';
import { findLinkedFolders, isBelow, mountPointsOf } from './list-tree.ts';
import type { DownGuards } from './plan-sync.ts';
import { collectVariables, wishesOf } from './project-variables.ts';

type GuardContext = Pick<AppContext, 'projectFiles' | 'signal'>;

/** @param paths what the machine calls its files */
export async function readGuards(
  context: GuardContext,
  project: ProjectFile,
  paths: readonly string[],
): Promise<DownGuards> {
  const { root } = project;
  const { signal } = context;
  const mounts = mountPointsOf(project);
  const mounted = paths.filter((path) => isBelow(path, mounts));
  const repositories = ['', ...findRepositories(root, paths)];
  const named = await Promise.all(repositories.map((folder) => namedByGit(root, folder, signal)));
  return {
    hooksFolders: named.flatMap(({ hooks }) => hooks),
    files: new Set([...named.flatMap(({ files }) => files), ...(await runByProject(context, project))]),
    bareFolders: findBareFolders(root, paths),
    ignored: new Set([...(await listIgnored(root, paths, signal)), ...mounted]),
  };
}

function foldersOf(paths: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const path of paths)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  return folders;
}

function isPlain(path: string): boolean {
  return !path.includes('\0') && !path.split('/').some((part) => ['', '.', '..'].includes(part));
}

/** Repositories within this one have hooks and configuration of their own. */
function findRepositories(root: string, paths: readonly string[]): string[] {
  return [...foldersOf(paths.filter(isPlain))].filter((folder) => existsSync(join(root, folder, '.git')));
}

/** The folders of hooks and the files of configuration that a repository here names, as far as they are in the tree. */
async function namedByGit(
  root: string,
  folder: string,
  signal: AbortSignal,
): Promise<{ hooks: string[]; files: string[] }> {
  const options = { cwd: join(root, folder), signal };
  const ask = async (...args: string[]) => (await runGit(args, options).catch(() => null))?.stdout ?? '';
  const top = (await ask('rev-parse', '--show-toplevel')).trimEnd() || options.cwd;
  const origins = (await ask('config', '-z', '--show-origin', '--list')).split('\0');
  const files = origins.flatMap((origin) =>
    origin.startsWith('file:') ? inTree(root, resolve(options.cwd, origin.slice('file:'.length))) : [],
  );
  const said = (await ask('config', '-z', '--type=path', '--get-all', 'core.hooksPath')).split('\0');
  // The last is our own, which switches hooks off.
  const hooks = said.slice(0, -2).flatMap((path) => (path === '' ? [] : inTree(root, resolve(top, path))));
  return { hooks: hooks.map(withoutInner), files };
}

/** Husky's hooks are in `.husky/_`, and run those in `.husky`. */
function withoutInner(hooks: string): string {
  return hooks.replace(/\/_$/, '');
}

/** As it is called in the tree, by its name and by where that leads; nothing outside. */
function inTree(root: string, path: string): string[] {
  const ways = [relative(root, path), relative(realPath(root), realPath(path))];
  return [...new Set(ways.filter((way) => way !== '' && !way.startsWith('..')))];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It is not there yet: nothing leads elsewhere.
    return path;
  }
}

/** Programs of the project's that give its variables: what was trusted is their name. */
async function runByProject(context: GuardContext, project: ProjectFile): Promise<string[]> {
  // Files that can't be read run nothing either.
  const variables = await collectVariables(context, project).catch(() => []);
  return variables.flatMap(wishesOf).flatMap(({ wish }) => {
    if (!wish.startsWith('run: ')) return [];
    return splitWords(wish.slice('run: '.length)).flatMap((word) =>
      inTree(project.root, resolve(project.root, word)),
    );
  });
}

/**
 * Folders that git would take for a repository without a work tree, with a configuration of their own (gitrepository-layout(5)):
 * `HEAD` with `objects` and `refs`, or with `commondir`, be they files, folders or links, in any case, there or here already.
 */
function findBareFolders(root: string, paths: readonly string[]): ReadonlySet<string> {
  const folders = foldersOf(paths);
  const names = new Set([...folders, ...paths].map((path) => path.toLowerCase()));
  // A folder that is half here and half there is whole afterwards.
  const has = (path: string) => names.has(path.toLowerCase()) || existsSync(join(root, path));
  const isRepository = (folder: string) =>
    has(`${folder}/commondir`) || (has(`${folder}/objects`) && has(`${folder}/refs`));
  return new Set([...folders].filter((folder) => isPlain(folder) && isRepository(folder)));
}

/** Where git does not say, nothing is ignored: what is here already is seen to by what is known of it. */
async function listIgnored(
  root: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const leadsThroughLink = findLinkedFolders(root);
  // git refuses all for one that leads out of the folder, or through a link.
  const direct = paths.filter((path) => isPlain(path) && !leadsThroughLink(path));
  const stdin = direct.map((path) => `./${path}\0`).join('');
  // It takes no literal paths, and reads a colon in front as a sign; with `./` none is in front.
  const options = { cwd: root, signal, stdin, env: { GIT_LITERAL_PATHSPECS: '0' } };
  const said = await runGit(['check-ignore', '-z', '--stdin'], options).catch(() => null);
  return new Set(said?.stdout.split('\0').map((path) => path.replace(/^\.\//, '')) ?? []);
}
