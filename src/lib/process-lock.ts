import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { SpuffError } from '../domain/errors.ts';
import { makePrivateDirectory, toFileError } from './atomic-file.ts';
import { openLockDatabase, sqliteCode } from './sqlite.ts';

/** SQLITE_BUSY. @see https://sqlite.org/rescode.html */
const busy = 5;

/** Between two looks at a lock that somebody holds; by chance, so that two who wait don't keep step. */
const lookMs = { least: 5, most: 25 };

/**
 * Lets one caller at a time do its work, over processes and within this one. The lock is SQLite's on an empty database, so
 * it is the kernel's: it ends with its process, however that ends, and nothing of it has to be found stale and removed,
 * which no two processes can do at once and stay apart.
 * @param path of the lock's file; its directory becomes 0700, the file 0600 and stays
 * @param onWait called once when somebody else holds it
 * @throws what `work` throws, the abort reason when `signal` aborts the wait, SpuffError `state` or `permission`
 */
export async function withProcessLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  onWait: () => void = () => undefined,
): Promise<T> {
  signal?.throwIfAborted();
  const db = openLock(path);
  try {
    for (let looks = 0; !tryToLock(db, path); looks++) {
      if (looks === 0) onWait();
      await delay(lookMs.least + Math.random() * (lookMs.most - lookMs.least), undefined, { signal }).catch(
        () => signal?.throwIfAborted(),
      );
    }
    return await work();
  } finally {
    db.close();
  }
}

function openLock(path: string): DatabaseSync {
  makePrivateDirectory(dirname(path));
  try {
    return openLockDatabase(path, 0);
  } catch (error) {
    throw toFileError(error, `use ${path}`);
  }
}

function tryToLock(db: DatabaseSync, path: string): boolean {
  try {
    db.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (((sqliteCode(error) ?? 0) & 0xff) === busy) return false;
    throw new SpuffError('state', `can't lock ${path}: ${error instanceof Error ? error.message : error}`, {
      hints: ['see whether the disk is full, and whether the file is yours'],
      cause: error,
    });
  }
}
