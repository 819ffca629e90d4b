import { constants, type Dirent, type Stats } from 'node:fs';
import { access, type FileHandle, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { systemErrorCode } from '../domain/errors.ts';
import { AgentError } from './agent-error.ts';

export interface OpenLog {
  handle: FileHandle;
  /** Absolute, without links. */
  path: string;
  stats: Stats;
}

/**
 * Opens a regular file below `root` for reading. Refuses `..`, symbolic links in any part of the path, files with a
 * second name, devices and pipes; what was opened is checked again after the fact, so swapping a folder for a link in
 * between does not help.
 * @param file absolute below `root`, or relative to it
 * @throws AgentError `forbidden` | `not-found` | `busy`
 */
export async function openLog(root: string, file: string): Promise<OpenLog> {
  const realRoot = await realpath(root);
  const path = locate(realRoot, isAbsolute(file) ? relative(root, file) : file);
  if ((await realpath(path).catch((error: unknown) => refuse(error))) !== path) throw forbidden();
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) =>
    refuse(error),
  );
  try {
    const stats = await handle.stat();
    const opened = await readlink(`/proc/self/fd/${handle.fd}`);
    if (!stats.isFile() || stats.nlink > 1 || (opened !== path && stats.nlink === 1)) throw forbidden();
    return { handle, path, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function locate(root: string, file: string): string {
  const parts = file.split(sep);
  const isPlain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
  if (file === '' || isAbsolute(file) || !isPlain) throw forbidden();
  return join(root, file);
}

function forbidden(): AgentError {
  return new AgentError('forbidden', 'only regular files under /var/log can be read', {
    hint: 'without a file, /logs lists what there is',
  });
}

function refuse(error: unknown): never {
  const code = systemErrorCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') throw new AgentError('not-found', 'there is no such log');
  if (code === 'EACCES' || code === 'EPERM')
    throw new AgentError('forbidden', 'the agent may not read this log');
  if (code === 'EMFILE' || code === 'ENFILE') throw new AgentError('busy', 'too many files are open');
  if (code === 'ELOOP' || code === 'ENXIO' || code === 'ENAMETOOLONG') throw forbidden();
  throw error;
}

/** Logs that are not lines of text, and archives of older ones. */
const notText = /\.(?:gz|xz|bz2|zst|journal|journal~)$|^(?:wtmp|btmp|lastlog|faillog)(?:\.\d+)?$/;

/** Null for a file that is gone meanwhile, or closed to this process. */
async function statReadable(path: string): Promise<Stats | null> {
  try {
    await access(path, constants.R_OK);
    return await stat(path);
  } catch {
    return null;
  }
}

/** The regular files below `root` that `openLog` opens, by path; at most 500 of them, four folders deep. */
export async function listLogs(
  root: string,
): Promise<{ file: string; sizeBytes: number; modifiedAt: string }[]> {
  const found: { file: string; sizeBytes: number; modifiedAt: string }[] = [];
  async function visit(folder: string, depth: number): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
    for (const entry of entries) {
      if (found.length >= 500) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth > 1) await visit(path, depth - 1);
      if (!entry.isFile() || notText.test(entry.name)) continue;
      const stats = await statReadable(path);
      if (stats?.nlink === 1)
        found.push({ file: path, sizeBytes: stats.size, modifiedAt: stats.mtime.toISOString() });
    }
  }
  await visit(root, 4);
  return found.sort((a, b) => a.file.localeCompare(b.file, 'en'));
}
