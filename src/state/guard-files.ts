/** Where the policy of the guard is written: the user's `guard.yaml`, and `spuff.yaml` of a project. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { GuardPolicy } from '../domain/guard.ts';
import { resolvePolicy } from '../domain/guard-policy.ts';
import { readPrivateFile, toFileError } from '../lib/atomic-file.ts';
import { maxConfigBytes } from './settings.ts';

const projectFileNames = ['spuff.yaml', 'spuff.yml'];
const maxProjectBytes = 1024 * 1024;

export function guardFilePath(home: string): string {
  return join(home, 'guard.yaml');
}

/**
 * The policy for sessions of an instance that belongs to `directory`. Without files nothing is loaded or made.
 * @throws SpuffError `config` naming file, line and column of everything that is wrong; `permission` when the user's file
 * is a link or someone else's (one that others could read is made private); `state` when a file can't be read
 */
export async function readGuardPolicy(place: { home: string; directory: string }): Promise<GuardPolicy> {
  const userPath = guardFilePath(place.home);
  const userText = readPrivateFile(userPath, maxConfigBytes);
  const projectPath = findProjectFile(place.directory);
  if (userText === null && projectPath === null) return resolvePolicy(null, null);
  const [yaml, { parseProjectFile, parseUserFile }] = await Promise.all([
    import('yaml'),
    import('./guard-yaml.ts'),
  ]);
  const user = userText === null ? null : parseUserFile(yaml, userText, userPath).file;
  const project =
    projectPath === null ? null : parseProjectFile(yaml, readProjectText(projectPath), projectPath);
  return resolvePolicy(user, project);
}

/**
 * `spuff.yaml` or `spuff.yml` in a directory or the nearest one above it that has one.
 * @throws SpuffError `config` when there are both, `permission` when a directory can't be looked into
 */
export function findProjectFile(directory: string): string | null {
  const start = resolve(directory);
  for (let at = start; ; at = dirname(at)) {
    const [first, second] = projectFileNames.map((name) => join(at, name)).filter(isThere);
    if (first !== undefined && second !== undefined) {
      throw new SpuffError('config', `there are ${first} and ${second}`, {
        hints: ['keep one of them: which one counts would be a guess'],
      });
    }
    if (first !== undefined) return first;
    if (dirname(at) === at) return null;
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // The directory may be gone, or a file by now.
    if (systemErrorCode(error) === 'ENOTDIR') return false;
    throw toFileError(error, `look for ${path}`);
  }
}

/** A file of the project: it may be a link and be open to others, as all of the project's may. */
function readProjectText(path: string): string {
  try {
    // Without O_NONBLOCK a named pipe in its place would wait for ever.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (stat.isFile() && stat.size <= maxProjectBytes) return readFileSync(fd, 'utf8');
      throw new SpuffError('config', `${path} is ${stat.isFile() ? 'too large' : 'not a file'}`, {
        hints: ['look at what it is: it should be a short text'],
      });
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw toFileError(error, `read ${path}`);
  }
}
