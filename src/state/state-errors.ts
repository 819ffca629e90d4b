import { accessSync, constants, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { toFileError } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { sqliteCode } from '../lib/sqlite.ts';
import { describeHolders } from './lock-holders.ts';

/** Primary result codes of SQLite. @see https://sqlite.org/rescode.html */
const sqlite = {
  error: 1,
  perm: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notDatabase: 26,
};

/**
 * Turns whatever went wrong with the state file into one error that says what, and what to do. Nothing is changed. What is
 * neither of SQLite nor of the file system is a bug, and stays as it is.
 */
export function toStateError(error: unknown, path: string): unknown {
  if (error instanceof SpuffError) return error;
  const code = sqliteCode(error);
  if (code === null) return isSystemError(error) ? toFileError(error, `use ${path}`) : error;
  switch (code & 0xff) {
    case sqlite.busy:
    case sqlite.locked:
      return lockedError(path, error);
    case sqlite.corrupt:
    case sqlite.notDatabase:
      return new DamagedStateError(path, 'it is damaged', error);
    case sqlite.error:
      // Our own requests are right, as the tests show: it is the schema in the file that is not.
      return new DamagedStateError(path, escapeText(messageOf(error), { singleLine: true }), error);
    case sqlite.full:
      return diskFullError(path, error);
    case sqlite.perm:
    case sqlite.readOnly:
    case sqlite.ioError:
    case sqlite.cantOpen:
      return explainRefusal(path, error);
    default:
      return error;
  }
}

/** Whether SQLite failed for want of the file system: no room, no right to write. */
export function isRefusal(error: unknown): boolean {
  const primary = (sqliteCode(error) ?? 0) & 0xff;
  return [sqlite.perm, sqlite.readOnly, sqlite.ioError, sqlite.full, sqlite.cantOpen].includes(primary);
}

function isSystemError(error: unknown): boolean {
  return systemErrorCode(error) !== undefined && error instanceof Error && 'syscall' in error;
}

/** The state can't be read as what it should be. Nothing but `recoverState` touches the file from here on. */
export class DamagedStateError extends SpuffError {
  constructor(path: string, why: string, cause?: unknown) {
    super('state', `${path} can't be read: ${why}`, {
      hints: [
        'keep it aside, save what can be read, and start anew: spuff doctor --repair-state',
        'nothing was changed, and machines go on running meanwhile',
      ],
      cause,
    });
    this.name = 'DamagedStateError';
  }
}

function lockedError(path: string, cause: unknown): SpuffError {
  const holders = describeHolders(path);
  return new SpuffError('conflict', `${path} is in use by ${holders.join(', ') || 'another process'}`, {
    hints: ['wait for it to end, then run the command again'],
    cause,
  });
}

function diskFullError(path: string, cause: unknown): SpuffError {
  return new SpuffError('state', `can't write ${path}: the disk is full`, {
    hints: ['free some space and run the command again; nothing was lost'],
    cause,
  });
}

/** SQLite says only that it could not: ask the file system why. */
function explainRefusal(path: string, cause: unknown): SpuffError {
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    accessSync(path, constants.R_OK | constants.W_OK);
    const { bavail, files, ffree } = statfsSync(dirname(path));
    if (bavail === 0 || (files > 0 && ffree === 0)) return diskFullError(path, cause);
  } catch (error) {
    return toFileError(error, `use ${path}`);
  }
  return new SpuffError('state', `can't use ${path}: ${messageOf(cause)}`, {
    hints: ['see whether the disk is well, then run the command again'],
    cause,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
