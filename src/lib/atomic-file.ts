import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { makeRandomName } from './random-name.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Makes a directory that only its owner can enter (0700, whatever the umask), and repairs one of ours that is wider.
 * @throws SpuffError `permission` when it is a link, belongs to someone else, is made to be shared, or can't be made
 */
export function makePrivateDirectory(path: string): void {
  // A slash at the end would make the system follow a link.
  const directory = resolve(path);
  try {
    const fd = openDirectory(directory);
    try {
      const stat = fstatSync(fd);
      if (!isOurs(stat)) throw notPrivate(directory, 'belongs to another user');
      // The sticky bit is for directories that users share, such as /tmp: taking it away from them breaks the system.
      if ((stat.mode & 0o1000) !== 0) throw notPrivate(directory, 'is shared with other users');
      if ((stat.mode & 0o077) !== 0) fchmodSync(fd, stat.mode & 0o700);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'EEXIST') {
      throw notPrivate(directory, 'is not a real directory: a link or a file is in its place');
    }
    throw toFileError(error, `make the directory ${directory}`);
  }
}

function openDirectory(path: string): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  try {
    return openSync(path, flags);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    makeWithParents(path);
    return openSync(path, flags);
  }
}

/** Step by step: Node's recursive mkdir never returns where the system lets nothing be made, as under /proc. */
function makeWithParents(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path || lstatSync(dirname(path), { throwIfNoEntry: false }))
      throw error;
    makeWithParents(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

/**
 * Looks at a file that only its owner may read, and repairs one that is wider, without opening it.
 * @returns null when there is none
 * @throws SpuffError `permission` when it is a link or belongs to someone else, `state` when it is no regular file
 */
export function checkPrivateFile(path: string): Stats | null {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat) return null;
    requireOwnFile(stat, path);
    if ((stat.mode & 0o077) !== 0) chmodSync(path, stat.mode & 0o700);
    return stat;
  } catch (error) {
    throw toFileError(error, `use ${path}`);
  }
}

/**
 * Reads a file of ours as UTF-8, and makes it 0600 when it is wider.
 * @returns null when there is none
 * @throws SpuffError `permission` | `state` when it is not a file of ours, is larger than `maxBytes` or not UTF-8
 */
export function readPrivateFile(path: string, maxBytes: number): string | null {
  try {
    // Without O_NONBLOCK a named pipe in its place would wait for ever.
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      requireOwnFile(stat, path);
      if ((stat.mode & 0o077) !== 0) fchmodSync(fd, stat.mode & 0o700);
      return decodeUtf8(readUpTo(fd, path, maxBytes), path);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    if (systemErrorCode(error) === 'ELOOP') throw notPrivate(path, 'is a link');
    throw toFileError(error, `read ${path}`);
  }
}

function readUpTo(fd: number, path: string, maxBytes: number): Buffer {
  const buffer = Buffer.alloc(maxBytes + 1);
  let size = 0;
  for (let count = 1; count > 0 && size <= maxBytes; size += count) {
    count = readSync(fd, buffer, size, buffer.length - size, null);
  }
  if (size <= maxBytes) return buffer.subarray(0, size);
  throw new SpuffError('state', `${path} is larger than ${maxBytes} bytes`, {
    hints: ['look at what is in it: it should be a short text'],
  });
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new SpuffError('state', `${path} is not UTF-8 text`, {
      hints: ['save it as UTF-8'],
      cause: error,
    });
  }
}

/**
 * Replaces a file in one step: readers see the old or the new content, never half, also after a power cut. The file is
 * 0600 from its first byte unless `mode` says otherwise.
 * @throws SpuffError `permission` | `state` naming the file and the remedy
 */
export function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o600): void {
  const temporary = join(dirname(path), `.${makeRandomName()}.tmp`);
  try {
    const fd = openSync(temporary, 'wx', mode);
    try {
      fchmodSync(fd, mode);
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw toFileError(error, `write ${path}`);
  }
}

/** Makes the names in a directory durable, as fsync of a file makes its bytes. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Whether a hard link failed because the file system has none. */
export function isWithoutLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemErrorCode(error) ?? '');
}

function isOurs(stat: Stats): boolean {
  return process.getuid === undefined || stat.uid === process.getuid();
}

function requireOwnFile(stat: Stats, path: string): void {
  if (stat.isSymbolicLink()) throw notPrivate(path, 'is a link');
  if (!stat.isFile()) {
    throw new SpuffError(
      'state',
      `${path} is ${stat.isDirectory() ? 'a directory' : 'a special file'}, not a file`,
      {
        hints: [`look at what it is, and move it away: mv ${path} ${path}.old`],
      },
    );
  }
  if (!isOurs(stat)) throw notPrivate(path, 'belongs to another user');
}

function notPrivate(path: string, why: string): SpuffError {
  return new SpuffError('permission', `${path} ${why}`, {
    hints: ['set SPUFF_HOME to a directory of your own, or mend this one'],
  });
}

/** Turns a system error of a file operation into one that names the thing and the remedy. */
export function toFileError(error: unknown, what: string): SpuffError {
  if (error instanceof SpuffError) return error;
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SpuffError('state', `can't ${what}: the disk is full`, {
      hints: ['free some space and run the command again'],
      cause: error,
    });
  }
  if (code === 'EROFS') {
    return new SpuffError('permission', `can't ${what}: the file system is read-only`, {
      hints: ['set SPUFF_HOME to a directory that can be written'],
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new SpuffError('permission', `can't ${what}: permission denied`, {
      hints: ['check who owns it, or set SPUFF_HOME to a directory of your own'],
      cause: error,
    });
  }
  const reasons: Record<string, string> = {
    ENOENT: 'a directory on the way to it is missing',
    ENOTDIR: 'a file is in the place of a directory',
    EISDIR: 'a directory is in its place',
  };
  const reason = reasons[code ?? ''] ?? code ?? (error instanceof Error ? error.message : String(error));
  return new SpuffError('state', `can't ${what}: ${reason}`, { cause: error });
}
