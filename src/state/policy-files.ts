/** Where policies are: one of the computer's, which its users can't change, and those of the repository. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { PolicyRule } from '../domain/policy.ts';
import { toFileError } from '../lib/atomic-file.ts';

export const systemPolicyPath = '/etc/spuff/policy.yaml';
/** Beside `spuff.yaml`, whose name it has. */
const projectPolicyName = 'spuff.policy.yaml';
const maxBytes = 256 * 1024;

export interface PolicyPlace {
  /** Where the project is, or a directory below it. */
  directory: string;
  systemPath: string;
  /** Whose the computer's policy must be: 0, root's. */
  systemOwner: number;
}

/**
 * The rules that hold in a directory: those of the computer and of every `spuff.policy.yaml` on the way up from there, so that
 * one further down can't take the place of one further up. Without files nothing is loaded.
 * @throws SpuffError `config` naming file, line and column of everything that is wrong; `permission` for a policy of the
 * computer that is a link, another user's or open to changes by others; `state` when one can't be read
 */
export async function readPolicy(place: PolicyPlace): Promise<PolicyRule[]> {
  const files = [readSystemPolicy(place), ...findProjectPolicies(place.directory)].filter(
    (file) => file !== null,
  );
  if (files.length === 0) return [];
  const [yaml, { parsePolicy }] = await Promise.all([import('yaml'), import('./policy-document.ts')]);
  return files.flatMap(({ path, text }) => parsePolicy(yaml, text, path));
}

interface PolicyText {
  path: string;
  text: string;
}

/** Whoever could change it could do what it forbids; so that is refused, and not passed over. */
function readSystemPolicy({ systemPath: path, systemOwner }: PolicyPlace): PolicyText | null {
  try {
    const directory = lstatSync(dirname(path), { throwIfNoEntry: false });
    if (!directory) return null;
    if (!lstatSync(path, { throwIfNoEntry: false })) return null;
    requireOwned(directory, dirname(path), systemOwner, directory.isDirectory());
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const stat = fstatSync(fd);
      requireOwned(stat, path, systemOwner, stat.isFile());
      return { path, text: readText(fd, stat, path) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ELOOP') throw notTrusted(path, 'is a link');
    throw toFileError(error, `read ${path}`);
  }
}

function requireOwned(stat: Stats, path: string, owner: number, isRightKind: boolean): void {
  if (stat.isSymbolicLink()) throw notTrusted(path, 'is a link');
  if (!isRightKind) throw notTrusted(path, 'is not what it should be, a file in a directory');
  if (stat.uid !== owner) throw notTrusted(path, 'belongs to another user than root');
  if ((stat.mode & 0o022) !== 0) throw notTrusted(path, 'can be changed by others than root');
}

function notTrusted(path: string, why: string): SpuffError {
  return new SpuffError('permission', `${path} ${why}, so the policy can't be relied on`, {
    hints: [
      `have root mend it: sudo chown root:root /etc/spuff ${systemPolicyPath} && sudo chmod go-w /etc/spuff ${systemPolicyPath}`,
      'until then nothing is made or opened; machines can be destroyed: spuff down',
    ],
  });
}

/** From the topmost down. */
function findProjectPolicies(directory: string): PolicyText[] {
  const found: PolicyText[] = [];
  for (let at = resolve(directory); ; at = dirname(at)) {
    const file = readProjectPolicy(join(at, projectPolicyName));
    if (file) found.unshift(file);
    if (dirname(at) === at) return found;
  }
}

/** A file of the project: it may be a link and be open to others, as all of the project's may. */
function readProjectPolicy(path: string): PolicyText | null {
  try {
    // Without O_NONBLOCK a named pipe in its place would wait for ever.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return { path, text: readText(fd, fstatSync(fd), path) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    // A link that leads nowhere is a policy that is missing, and no sign that there is none.
    const isThere = ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '') ? isLink(path) : true;
    if (!isThere) return null;
    throw toFileError(error, `read ${path}`);
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  } catch {
    return false;
  }
}

function readText(fd: number, stat: Stats, path: string): string {
  if (stat.isFile() && stat.size <= maxBytes) return readFileSync(fd, 'utf8');
  throw new SpuffError('config', `${path} is ${stat.isFile() ? 'too large' : 'not a file'}`, {
    hints: ['look at what it is: it should be a short text'],
  });
}
