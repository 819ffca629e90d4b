/**
 * Puts a file from elsewhere below a folder, and nowhere else: through no link, over no folder, and whole or not at all.
 */
import {
  closeSync,
  fchmodSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { makeRandomName } from './random-name.ts';

export type Placed = 'placed' | 'through-link' | 'folder-in-place' | 'changed-meanwhile' | 'leads-out';

export interface FileToPlace {
  root: string;
  /** Relative, with `/`, and without empty parts, `.` or `..`. */
  path: string;
  /** Asked at the last moment whether what is there may be replaced. */
  mayReplace: (path: string) => boolean;
}

export async function placeFile(
  { root, path, mayReplace }: FileToPlace,
  content: AsyncIterable<Uint8Array>,
  { isProgram, changedAt }: { isProgram: boolean; changedAt: Date },
): Promise<Placed> {
  const folder = makeFolders(root, path);
  if (folder === null) return 'through-link';
  const draft = join(folder, `.spuff-${makeRandomName()}`);
  try {
    // As an editor would make it, so that the umask counts.
    const fd = openSync(draft, 'wx', isProgram ? 0o777 : 0o666);
    try {
      for await (const chunk of content) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
      keepMode(fd, join(root, path), isProgram);
      futimesSync(fd, changedAt, changedAt);
    } finally {
      closeSync(fd);
    }
    return replace({ root, path, mayReplace }, draft);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A link leads to something in the folder, or is not made: whoever reads or writes through it means a file of the folder. */
export function placeLink({ root, path, mayReplace }: FileToPlace, leadsTo: string): Placed {
  const folder = makeFolders(root, path);
  if (folder === null) return 'through-link';
  if (!staysInside(path, leadsTo) || !leadsInside(root, path, leadsTo)) return 'leads-out';
  const draft = join(folder, `.spuff-${makeRandomName()}`);
  try {
    symlinkSync(leadsTo, draft);
    return replace({ root, path, mayReplace }, draft);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** `..` may only come first: behind a name it would count from wherever that leads. */
function staysInside(path: string, leadsTo: string): boolean {
  const parts = leadsTo.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  const climbs = ups === -1 ? parts.length : ups;
  const depth = path.split('/').length - 1;
  return !leadsTo.startsWith('/') && climbs <= depth && !parts.slice(climbs).includes('..');
}

/** By links of the user's own that are on the way it might lead out all the same. */
function leadsInside(root: string, path: string, leadsTo: string): boolean {
  for (let at = resolve(root, dirname(path), leadsTo); at !== dirname(at); at = dirname(at)) {
    const real = realPathOrNull(at);
    if (real === null) continue;
    const way = relative(realpathSync(root), real);
    return way === '' || !(way === '..' || way.startsWith('../'));
  }
  return false;
}

function realPathOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    // Nothing is there yet.
    return null;
  }
}

function replace({ root, path, mayReplace }: FileToPlace, draft: string): Placed {
  const target = join(root, path);
  // Between the first look and now the user may have gone on working.
  if (!mayReplace(path)) return 'changed-meanwhile';
  if (lstatSync(target, { throwIfNoEntry: false })?.isDirectory()) return 'folder-in-place';
  // Takes the place of a link, and does not follow it.
  renameSync(draft, target);
  return 'placed';
}

/** A file that is closed to others stays so. */
function keepMode(fd: number, path: string, isProgram: boolean): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return;
  const mode = stat.mode & 0o777;
  fchmodSync(fd, isProgram ? mode | ((mode & 0o444) >> 2) : mode & 0o666);
}

/** Step by step, so that a link or a file in the way is seen. @returns null when there is one */
function makeFolders(root: string, path: string): string | null {
  let folder = root;
  for (const part of path.split('/').slice(0, -1)) {
    folder = join(folder, part);
    const stat = lstatSync(folder, { throwIfNoEntry: false });
    if (stat === undefined) mkdirSync(folder);
    else if (!stat.isDirectory()) return null;
  }
  return folder;
}
