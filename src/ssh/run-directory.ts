/** Where the sockets and files of one instance lie: private to the user, and short enough for a socket's path. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { makePrivateDirectory } from '../lib/atomic-file.ts';

export interface SshPaths {
  /** 0700. Holds the sockets and nothing that outlives a reboot. */
  runDirectory: string;
  controlSocket: string;
  /** Held by whoever opens the shared connection. */
  openingLock: string;
  agentSocket: string;
  /** Held by whoever looks at the agent's socket and replaces it. Taken before `openingLock`, never after. */
  channelLock: string;
  knownHosts: string;
}

// macOS takes 104 bytes with the ending NUL, Linux 108; ssh first binds to the path plus a dot and 16 characters.
const mostSocketBytes = 103;
const temporarySuffixBytes = 17;
const longestName = 'c-01234567'.length;

/**
 * The paths for one instance at one address: a socket to its former address must not be taken for the new one.
 * Makes the run directory.
 * @throws SpuffError `permission` when it can't be private
 */
export function preparePaths(
  home: string,
  target: Pick<SshTarget, 'key' | 'host' | 'port' | 'user'>,
): SshPaths {
  const runDirectory = findRunDirectory(home, target.key);
  makePrivateDirectory(runDirectory);
  const address = shortHash([target.host, String(target.port), target.user].join('\0'));
  return {
    runDirectory,
    controlSocket: join(runDirectory, `c-${address}`),
    openingLock: join(runDirectory, `l-${address}`),
    agentSocket: join(runDirectory, `a-${address}`),
    channelLock: join(runDirectory, `l-${address}-a`),
    knownHosts: knownHostsPath(home, target.key),
  };
}

export function knownHostsPath(home: string, key: InstanceKey): string {
  return join(home, 'known_hosts', key);
}

/**
 * `<home>/run/<key>`, or a directory under the system's temporary one when a socket would not fit there or ssh could
 * not be given its name without quoting. Does not make it.
 */
export function findRunDirectory(
  home: string,
  key: InstanceKey,
  temporary: readonly string[] = [tmpdir(), '/tmp'],
): string {
  const elsewhere = `spuff-${process.getuid?.() ?? 'user'}-${shortHash(`${home}\0${key}`)}`;
  const candidates = [join(home, 'run', key), ...temporary.map((directory) => join(directory, elsewhere))];
  const found = candidates.find((path) => isUsableForSockets(path));
  if (found !== undefined) return found;
  throw new SpuffError('permission', 'no directory has a path short enough for a socket', {
    hints: ['set SPUFF_HOME to a shorter path, such as ~/.spuff'],
  });
}

/** Removes the sockets and known_hosts of an instance. Absent is success. */
export function removePaths(home: string, key: InstanceKey): void {
  rmSync(findRunDirectory(home, key), { recursive: true, force: true });
  rmSync(knownHostsPath(home, key), { force: true });
}

function isUsableForSockets(directory: string): boolean {
  if (!/^\/[A-Za-z0-9._/-]*$/.test(directory)) return false;
  return Buffer.byteLength(directory) + 1 + longestName + temporarySuffixBytes <= mostSocketBytes;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
