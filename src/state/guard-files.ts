/** Where the policy of the guard is written: the user's `guard.yaml`, and `spuff.yaml` of a project. */
import { join } from 'node:path';
import type { GuardPolicy } from '../domain/guard.ts';
import { resolvePolicy } from '../domain/guard-policy.ts';
import { readPrivateFile } from '../lib/atomic-file.ts';
import { findProjectFile } from './project-files.ts';
import { readProjectText } from './read-project-text.ts';
import { maxConfigBytes } from './settings.ts';

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
  const [yaml, { parseProjectGuard, parseUserFile }] = await Promise.all([
    import('yaml'),
    import('./guard-yaml.ts'),
  ]);
  const user = userText === null ? null : parseUserFile(yaml, userText, userPath).file;
  const project =
    projectPath === null ? null : parseProjectGuard(yaml, readProjectText(projectPath), projectPath);
  return resolvePolicy(user, project);
}
