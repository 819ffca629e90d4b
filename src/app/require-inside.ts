import { lstatSync, realpathSync } from 'node:fs';
import { relative } from 'node:path';
import { SpuffError } from '../domain/errors.ts';

/** @throws SpuffError `permission` for a path that leads elsewhere by a link */
export function requireInside(root: string, path: string): void {
  const [folder, real] = [realpathSync(root), realpathSync(path)];
  if (real === folder || (isInside(folder, real) && !lstatSync(path).isSymbolicLink())) return;
  throw new SpuffError('permission', `${path} leads out of ${root} by a link`, {
    hints: ['name a folder that is no link, and is in none'],
  });
}

/** Below it, and not the folder itself; links are not looked at. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !way.startsWith('..');
}
