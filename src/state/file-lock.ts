import { basename, dirname, join } from 'node:path';
import { makePrivateDirectory } from '../lib/atomic-file.ts';
import { openLockDatabase } from '../lib/sqlite.ts';
import { toStateError } from './state-errors.ts';

/**
 * Runs `work` while no other process runs any under the lock of the same file. The lock is SQLite's on an empty database
 * beside it (`run/NAME.lock`), so it is the kernel's: it ends with its process, however that ends, and never goes stale.
 * @throws SpuffError `conflict` when another process keeps it for longer than `timeoutMs`, naming that process
 */
export function withFileLock<T>(path: string, work: () => T, timeoutMs = 10_000): T {
  const lock = join(dirname(path), 'run', `${basename(path)}.lock`);
  const db = openLock(lock, timeoutMs);
  try {
    return work();
  } finally {
    db.close();
  }
}

function openLock(lock: string, timeoutMs: number): { close(): void } {
  makePrivateDirectory(dirname(lock));
  try {
    const db = openLockDatabase(lock, timeoutMs);
    try {
      db.exec('BEGIN EXCLUSIVE');
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  } catch (error) {
    throw toStateError(error, lock);
  }
}
