import { closeSync, constants, openSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { checkPrivateFile } from './atomic-file.ts';

/** Loads SQLite only when it is needed, and keeps the warning to itself that the first releases of Node 24 print. */
export function loadDatabaseClass(): typeof DatabaseSync {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:sqlite').DatabaseSync;
  } finally {
    process.emitWarning = emitWarning;
  }
}

/**
 * Opens an empty database whose locks are the kernel's: they end with their process. It is made, 0600, when it is missing.
 * @param timeoutMs how long a statement waits for a lock that somebody holds
 */
export function openLockDatabase(path: string, timeoutMs: number): DatabaseSync {
  // Only when it is missing: closing a file drops the locks that this process has on it.
  if (!checkPrivateFile(path)) closeSync(openSync(path, constants.O_CREAT | constants.O_WRONLY, 0o600));
  return new (loadDatabaseClass())(path, { timeout: timeoutMs });
}

/** The whole result code of an error of node:sqlite, or null for any other error. */
export function sqliteCode(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode : null;
}
