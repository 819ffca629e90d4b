/** The SQLite file behind the local state: how it comes to be, is opened, migrated and written to. */
import { closeSync, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { checkPrivateFile, isWithoutLinks, makePrivateDirectory, syncDirectory } from '../lib/atomic-file.ts';
import { makeRandomName } from '../lib/random-name.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { DamagedStateError, isRefusal, toStateError } from './state-errors.ts';
import { migrations } from './state-migrations.ts';

export interface DatabaseOptions {
  path: string;
  readOnly: boolean;
  /** How long to wait for other processes before giving up. */
  busyTimeoutMs: number;
}

/** Marks the file as ours in its header: "spuf". @see https://sqlite.org/pragma.html#pragma_application_id */
const applicationId = 0x73707566;

/**
 * Opens the database, makes it when there is none, and brings an older format up to date. With `readOnly` a missing file
 * gives an empty database in memory, so that looking never makes anything.
 * @throws SpuffError `state` (damaged, of a newer spuff, disk full), `conflict` (locked), `permission`
 */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  const { path, readOnly } = options;
  try {
    if (lstatSync(repairedPath(path), { throwIfNoEntry: false }))
      throw new DamagedStateError(path, 'its repair was cut off, and is still to be finished');
    if (checkFiles(path)) return readOnly ? openToLook(options) : openExisting(options);
    if (readOnly) return openEmpty();
    createDatabase(path);
    return openExisting(options);
  } catch (error) {
    throw toStateError(error, path);
  }
}

function openEmpty(): DatabaseSync {
  const db = connect(':memory:', { readOnly: false, busyTimeoutMs: 0 });
  makeFormat(db);
  db.exec('PRAGMA query_only = ON');
  return db;
}

/** The database, and what SQLite keeps beside it. */
export function databaseFiles(path: string): string[] {
  return [path, `${path}-wal`, `${path}-shm`];
}

/** Where a new database waits for its place: while this is there, the database beside it is out of date. */
export function repairedPath(path: string): string {
  return `${path}.repaired`;
}

/** Runs `work` in a transaction that is on disk when it returns, and that is as if it never was when it throws. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  // Inside of another one it is a part of that.
  if (db.isTransaction) return work();
  // Deferred transactions fail at once, without waiting, when two of them turn from reading to writing.
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // Some errors, such as a full disk, have rolled back already.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Takes what is in the log over into the database, where `secure_delete` overwrites what was deleted, and empties the log.
 * Never fails: everything is committed already, and who closes the database last does the same.
 */
export function emptyLog(db: DatabaseSync): void {
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // No room to take it over, or somebody reads from it.
  }
}

/** Applies the missing steps, each in a transaction of its own. */
export function migrate(db: DatabaseSync, steps: readonly string[] = migrations): void {
  let isComplete = false;
  while (!isComplete) {
    inTransaction(db, () => {
      const format = readPragma(db, 'user_version');
      const step = steps[format];
      if (step !== undefined) db.exec(`${step}; PRAGMA user_version = ${format + 1}`);
      isComplete = format + 1 >= steps.length;
    });
  }
}

/** Whether there is a database. Repairs the mode of its files, and refuses what can't be one. */
function checkFiles(path: string): boolean {
  const [main, ...beside] = databaseFiles(path).map(checkPrivateFile);
  if (main) {
    // A new database is complete before it gets its name, so an empty file is never ours.
    if (main.size === 0) throw new DamagedStateError(path, 'it is empty');
    return true;
  }
  // SQLite would play the log of the lost database into the new one.
  if (beside.some((stat) => stat !== null && stat !== undefined && stat.size > 0)) {
    throw new DamagedStateError(path, 'it is gone, but what SQLite keeps beside it is still there');
  }
  return false;
}

/**
 * Looking needs a few pages of disk as well, for what SQLite keeps beside the database. Where there are none (a full disk, a
 * read-only home) and all is in the database itself, it is read as a file that nobody changes.
 */
function openToLook(options: DatabaseOptions): DatabaseSync {
  try {
    return openExisting(options);
  } catch (error) {
    const logSize = lstatSync(`${options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (logSize > 0 || !isRefusal(error)) throw error;
    const url = pathToFileURL(options.path);
    url.searchParams.set('immutable', '1');
    const db = connect(url, options);
    if (checkFormat(db, options.path) === migrations.length) return db;
    db.close();
    throw error;
  }
}

function openExisting(options: DatabaseOptions): DatabaseSync {
  const db = connect(options.path, options);
  try {
    const format = checkFormat(db, options.path);
    if (format === migrations.length) return db;
    if (!options.readOnly) {
      migrate(db);
      return db;
    }
  } catch (error) {
    db.close();
    throw error;
  }
  // An older format can only be read once it is brought up to date.
  db.close();
  openExisting({ ...options, readOnly: false }).close();
  return connect(options.path, options);
}

function checkFormat(db: DatabaseSync, path: string): number {
  if (readPragma(db, 'application_id') !== applicationId)
    throw new DamagedStateError(path, 'it is not a state of spuff');
  const format = readPragma(db, 'user_version');
  if (format <= migrations.length) return format;
  throw new SpuffError(
    'state',
    `${path} was written by a newer spuff: it has format ${format}, and this one knows formats up to ${migrations.length}`,
    {
      hints: ['update spuff: npm install --global spuff@latest', 'or use another home: SPUFF_HOME=… spuff …'],
    },
  );
}

function connect(path: string | URL, options: Omit<DatabaseOptions, 'path'>): DatabaseSync {
  const Database = loadDatabaseClass();
  const db = new Database(path, { readOnly: options.readOnly, timeout: options.busyTimeoutMs });
  if (options.readOnly) return db;
  try {
    // FULL: what was committed is on the disk itself, so that an intent survives a power cut too. What is deleted is
    // overwritten: keys and tokens of machines that are gone.
    db.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Makes the database under another name and gives it its own only when it is complete: there is never half a one. */
function createDatabase(path: string): void {
  if (!lstatSync(dirname(path), { throwIfNoEntry: false })) makePrivateDirectory(dirname(path));
  const draft = `${path}.${makeRandomName()}.new`;
  try {
    writeNewDatabase(draft);
    giveName(draft, path);
    syncDirectory(dirname(path));
  } finally {
    for (const file of databaseFiles(draft)) rmSync(file, { force: true });
  }
}

/** Makes a database of the newest format where there is no file yet. Whoever calls it cleans up when it throws. */
export function writeNewDatabase(path: string, fill: (db: DatabaseSync) => void = () => undefined): void {
  // SQLite would make it 0644; what it puts beside it later takes the mode from it.
  closeSync(openSync(path, 'wx', 0o600));
  const db = connect(path, { readOnly: false, busyTimeoutMs: 0 });
  try {
    db.exec('PRAGMA journal_mode = WAL');
    makeFormat(db);
    fill(db);
  } finally {
    db.close();
  }
}

function makeFormat(db: DatabaseSync): void {
  db.exec(`PRAGMA application_id = ${applicationId}`);
  migrate(db);
}

/** Gives the draft its name unless another process was quicker, whose database is then as good. */
function giveName(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return;
    // A rename can't see whether another was quicker, so look first.
    if (!isWithoutLinks(error)) throw error;
    if (!lstatSync(path, { throwIfNoEntry: false })) renameSync(draft, path);
  }
}

function readPragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
