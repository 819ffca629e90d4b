import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { toFileError } from '../lib/atomic-file.ts';

export interface WideEntry {
  path: string;
  /** Permission bits, such as 0o644. */
  mode: number;
}

/**
 * Lists what group or others may use under a home directory; links are not followed, and have no mode of their own.
 * @throws SpuffError `permission` | `state` when the tree can't be read
 */
export function findWideEntries(home: string): WideEntry[] {
  try {
    const found: WideEntry[] = [];
    visit(home, found);
    return found;
  } catch (error) {
    throw toFileError(error, `look through ${home}`);
  }
}

/** Takes the rights of group and others away from everything under a home directory. Gives what was changed. */
export function repairHome(home: string): WideEntry[] {
  const found = findWideEntries(home);
  try {
    for (const { path, mode } of found) chmodSync(path, mode & 0o700);
  } catch (error) {
    throw toFileError(error, `change the mode of files in ${home}`);
  }
  return found;
}

function visit(path: string, found: WideEntry[]): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || stat.isSymbolicLink()) return;
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) found.push({ path, mode });
  if (stat.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name), found);
}
