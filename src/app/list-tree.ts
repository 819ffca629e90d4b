/** The files of a project that go to its machine. */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { ProjectFile } from '../domain/project.ts';
import { type FileFacts, type FileSign, isGitPath, isSecretPath, signOf } from '../domain/sync.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { runGit } from '../lib/git.ts';

export interface TreeFile {
  sign: FileSign;
  size: number;
}

export interface Tree {
  files: ReadonlyMap<string, TreeFile>;
  /** Whether git keeps watch over the folder: else everything in it counts. */
  hasGit: boolean;
  left: ReadonlyArray<{ path: string; why: string }>;
}

export type ProjectFolder = Pick<ProjectFile, 'root' | 'volumes'>;

/** Folders of machines that are mounted in the project: what is in them is there already. */
export function mountPointsOf({ volumes }: ProjectFolder): string[] {
  return volumes.flatMap(({ mountPoint }) =>
    mountPoint === null ? [] : [mountPoint.replace(/^(?:\.\/)+|\/+$/g, '')],
  );
}

export function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

const mostFiles = 1_000_000;

/**
 * Everything in a folder that git would have in a commit or offers to take into one; without a repository all there is.
 * Never a repository's own folder, nor the secrets of a project.
 * @throws SpuffError `config` when git fails, `permission` for what can't be looked at
 */
export async function listTree(project: ProjectFolder, signal: AbortSignal): Promise<Tree> {
  const { root } = project;
  const mounts = mountPointsOf(project);
  const names = await listNames({ root, mounts, signal }, '');
  const leadsThroughLink = findLinkedFolders(root);
  const files = new Map<string, TreeFile>();
  const left: { path: string; why: string }[] = [];
  for (const path of new Set(names.paths)) {
    if (isSecretPath(path) || isGitPath(path) || isBelow(path, mounts)) continue;
    if (leadsThroughLink(path)) {
      // git lists what was there before somebody put a link in the place of a folder: it would be read from elsewhere.
      left.push({ path, why: 'a folder on the way to it is a link' });
      continue;
    }
    const facts = factsOf(join(root, path));
    if (facts === null) {
      // What git can't say in UTF-8 was not found again; what was deleted was listed still.
      if (path.includes('\uFFFD')) left.push({ path, why: 'its name is not UTF-8' });
      continue;
    }
    if (facts.kind === 'other') left.push({ path, why: 'it is neither a file nor a link' });
    else if (facts.kind !== 'folder') files.set(path, { sign: signOf(facts), size: facts.size });
  }
  return { files, hasGit: names.hasGit, left };
}

interface Names {
  paths: string[];
  hasGit: boolean;
}

interface Walk {
  root: string;
  mounts: readonly string[];
  signal: AbortSignal;
}

async function listNames(at: Walk, below: string): Promise<Names> {
  const { root, mounts } = at;
  const said = await askGit(at, below);
  if (said === null) return { paths: walk(at, below, []), hasGit: false };
  const paths: string[] = [];
  for (const name of said) {
    const path = below + name;
    // A repository in this one is listed as a folder: what is in it is asked of itself.
    if (isBelow(path, mounts)) continue;
    const isFolder = name.endsWith('/') || factsOf(join(root, path))?.kind === 'folder';
    if (!isFolder) paths.push(path);
    else paths.push(...(await listNames(at, `${path.replace(/\/$/, '')}/`)).paths);
  }
  return { paths, hasGit: true };
}

/** null: there is no git, or no repository, or one around the folder that ignores it. */
async function askGit({ root, mounts, signal }: Walk, below: string): Promise<string[] | null> {
  const cwd = join(root, below);
  try {
    const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
    // So that git does not look through a machine's disk: what is mounted may be large, and slow.
    if (mounts.length > 0 && below === '') {
      const { stdout } = await runGit(['rev-parse', '--show-prefix'], { cwd, signal });
      args.push(...mounts.map((path) => `--exclude=/${escapePattern(`${stdout.trimEnd()}${path}`)}`));
    }
    const { exitCode, stdout, stderr } = await runGit(args, { cwd, signal });
    if (exitCode === 0) {
      const names = stdout.split('\0').filter((name) => name !== '');
      return names.length === 0 && (await isIgnoredWhole(cwd, signal)) ? null : names;
    }
    if (/not a git repository|must be run in a work tree/.test(stderr)) return null;
    const why = escapeText(stderr.trim(), { singleLine: true }).slice(0, 300);
    throw new SpuffError('config', `git does not list the files of ${cwd}: ${why}`, {
      hints: ['mend what git complains of'],
    });
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'unavailable') return null;
    throw error;
  }
}

/** Of a folder of which git tracks nothing: whether it is left out as a whole, as by a repository of dotfiles around it. */
async function isIgnoredWhole(root: string, signal: AbortSignal): Promise<boolean> {
  // It refuses to work where names are literal; an absolute path is no pattern to it.
  const options = { cwd: root, signal, env: { GIT_LITERAL_PATHSPECS: '0' }, stdin: `${root}\0` };
  return (await runGit(['check-ignore', '-q', '-z', '--stdin'], options)).exitCode === 0;
}

/** gitignore(5). */
function escapePattern(path: string): string {
  return path.replaceAll(/[\\*?[\]!# ]/g, '\\$&');
}

function walk(at: Walk, below: string, found: string[]): string[] {
  const { root, mounts } = at;
  for (const entry of readFolder(join(root, below))) {
    const path = `${below}${entry.name}`;
    if (entry.name === '.git' || isBelow(path, mounts)) continue;
    if (entry.isDirectory()) walk(at, `${path}/`, found);
    else found.push(path);
    if (found.length <= mostFiles) continue;
    throw new SpuffError('config', `${root} has more than ${mostFiles} files`, {
      hints: ['make it a repository, and name in .gitignore what is to stay', 'or write sync: none'],
    });
  }
  return found;
}

function readFolder(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    throw toFileError(error, `look into ${path}`);
  }
}

/** Tells of a path in the folder whether one of the folders on the way to it is a link. Remembers what it has looked at. */
export function findLinkedFolders(root: string): (path: string) => boolean {
  const known = new Map<string, boolean>([['', false]]);
  const isLinked = (folder: string): boolean => {
    const before = known.get(folder);
    if (before !== undefined) return before;
    const above = folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : '';
    const is = isLinked(above) || factsOf(join(root, folder))?.kind === 'link';
    known.set(folder, is);
    return is;
  };
  return (path) => path.includes('/') && isLinked(path.slice(0, path.lastIndexOf('/')));
}

/** null: it is not there. Never looks through a link. @throws SpuffError `permission` */
export function factsOf(path: string): FileFacts | null {
  try {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stat) return null;
    const kind = kindOf(stat);
    return {
      kind,
      isProgram: (stat.mode & 0o100n) !== 0n,
      size: Number(stat.size),
      changedAt: toSeconds(stat.mtimeNs),
      leadsTo: kind === 'link' ? readlinkSync(path) : '',
    };
  } catch (error) {
    // A file is where a folder was.
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return null;
    throw toFileError(error, `look at ${path}`);
  }
}

function kindOf(stat: BigIntStats): FileFacts['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isSymbolicLink()) return 'link';
  return stat.isDirectory() ? 'folder' : 'other';
}

function toSeconds(ns: bigint): string {
  const text = String(ns).padStart(10, '0');
  return `${text.slice(0, -9)}.${text.slice(-9)}`;
}
