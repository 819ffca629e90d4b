/** The repositories under a home, by what lies in its folders. Nothing in them is run or believed. */
import { type Dirent, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import type { LeftOut, RescuedRepository } from '../domain/rescue.ts';

export interface FoundRepository {
  /** The work tree; of a bare one the repository itself. */
  root: string;
  /** Below the home. */
  path: string;
  kind: RescuedRepository['kind'];
  gitDir: string;
  /** Where branches and objects are: other than `gitDir` in a linked work tree. */
  commonDir: string;
}

export interface ScanLimits {
  depth: number;
  repositories: number;
  /** Of folders that are looked into. */
  folders: number;
}

export const defaultScanLimits: ScanLimits = { depth: 8, repositories: 200, folders: 50_000 };

/** What programs fetch or make again, and which may hold thousands of folders. */
const skipped = new Set([
  ...['node_modules', '.cache', '.npm', '.nvm', '.pnpm-store', '.yarn', '.bun', '.deno'],
  ...['.cargo', '.rustup', '.gradle', '.m2', '.pyenv', '.rbenv', '.venv', 'venv', '__pycache__', '.tox'],
  ...['.terraform', '.vscode-server', '.cursor-server', '.git'],
]);

/** Gives the repositories, the outer before the inner ones, and says where it stopped looking. */
export function findRepositories(
  home: string,
  limits: ScanLimits = defaultScanLimits,
): { found: FoundRepository[]; leftOut: LeftOut[] } {
  const found: FoundRepository[] = [];
  const leftOut: LeftOut[] = [];
  const device = lstatSync(home).dev;
  const queue = [{ folder: home, depth: 0 }];
  let looked = 0;
  // By breadth: where it has to stop, what was left out lies deep.
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (found.length >= limits.repositories || looked >= limits.folders) {
      leftOut.push(cutShort(home, next.folder));
      break;
    }
    looked++;
    const { folder, depth } = next;
    const entries = listFolder(folder);
    const repository = recognize(home, folder, entries);
    if (repository) found.push(repository);
    if (repository?.kind === 'bare') continue;
    for (const entry of entries) {
      if (!entry.isDirectory() || skipped.has(entry.name) || isGoModules(folder, entry.name)) continue;
      const inner = join(folder, entry.name);
      if (depth >= limits.depth || isElsewhere(inner, device)) continue;
      queue.push({ folder: inner, depth: depth + 1 });
    }
  }
  return { found, leftOut };
}

function cutShort(home: string, folder: string): LeftOut {
  const detail = 'the home holds too many folders or repositories: it was looked through up to here';
  return {
    ...{ repository: relative(home, folder), part: 'repository', path: null, bytes: null },
    ...{ why: 'too-many', detail },
  };
}

function isGoModules(folder: string, name: string): boolean {
  return name === 'mod' && basename(folder) === 'pkg';
}

/** Another file system: a mount of containers, of a volume, of another machine that may not answer. */
function isElsewhere(folder: string, device: number): boolean {
  try {
    return lstatSync(folder).dev !== device;
  } catch {
    return true;
  }
}

function listFolder(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((one, other) =>
      one.name < other.name ? -1 : 1,
    );
  } catch {
    return [];
  }
}

function recognize(home: string, folder: string, entries: readonly Dirent[]): FoundRepository | null {
  const names = new Set(entries.map(({ name }) => name));
  if (names.has('.git')) return recognizeWorkTree(home, folder);
  const isBare = ['HEAD', 'objects', 'refs'].every((name) => names.has(name)) && isGitDir(folder);
  if (!isBare) return null;
  return { ...placeOf(home, folder), kind: 'bare', gitDir: folder, commonDir: folder };
}

function recognizeWorkTree(home: string, folder: string): FoundRepository | null {
  const dotGit = join(folder, '.git');
  const gitDir = isFolder(dotGit) ? dotGit : readPointer(dotGit, /^gitdir: (.+?)\n?$/s, folder);
  if (gitDir === null || !isGitDir(gitDir)) return null;
  const commonDir = readPointer(join(gitDir, 'commondir'), /^(.+?)\n?$/s, gitDir);
  const isModule = gitDir !== dotGit && gitDir.split(sep).includes('modules');
  const kind = commonDir !== null ? 'worktree' : isModule ? 'submodule' : 'repository';
  return { ...placeOf(home, folder), kind, gitDir, commonDir: commonDir ?? gitDir };
}

function placeOf(home: string, folder: string): Pick<FoundRepository, 'root' | 'path'> {
  return { root: folder, path: relative(home, folder) };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isGitDir(path: string): boolean {
  try {
    return statSync(join(path, 'HEAD')).isFile();
  } catch {
    return false;
  }
}

/** The path that a small file of git's holds. A pipe in its place would never end. */
function readPointer(file: string, pattern: RegExp, base: string): string | null {
  try {
    const stat = statSync(file);
    if (!stat.isFile() || stat.size > 4_096) return null;
    const [, path] = pattern.exec(readFileSync(file, 'utf8')) ?? [];
    return path === undefined ? null : resolve(base, path);
  } catch {
    return null;
  }
}
