/**
 * Where the local log ends, kept beside it: a small database, whose lock is also what lets one process at a time write. It is
 * not in state.db: a line can be due while a transaction of the state is open, and must not wait for the disk.
 */
import { closeSync, linkSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { AuditHead } from '../domain/audit.ts';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import { checkPrivateFile, isWithoutLinks, makePrivateDirectory } from '../lib/atomic-file.ts';
import { makeRandomName } from '../lib/random-name.ts';
import { quoteArgument } from '../lib/shell-quote.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { DamagedStateError, toStateError } from './state-errors.ts';

export interface HeadRow extends AuditHead {
  /** Number of the file that the last line is in. */
  segment: number;
  /** The size of that file after it. */
  bytes: number;
  /** The last line of the files that were dropped to make room; `genesis`: none was. */
  base: AuditHead;
}

const busyTimeoutMs = 5_000;

export class HeadStore {
  readonly #path: string;
  #db: DatabaseSync | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Runs `work` while no other process writes the log; what it gives to `save` is kept when it returns.
   * @throws SpuffError `conflict` when another process holds the log, `state`, `permission`
   */
  locked<T>(work: (head: HeadRow | null, save: (row: HeadRow) => void) => T): T {
    return this.#guard(() => {
      const db = this.#open();
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work(readRow(db), (row) => writeRow(db, row));
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** null when there is none. Makes nothing. */
  peek(): HeadRow | null {
    return this.#guard(() => {
      if (this.#db) return readRow(this.#db);
      if (!checkPrivateFile(this.#path)) return null;
      const db = new (loadDatabaseClass())(this.#path, { readOnly: true, timeout: busyTimeoutMs });
      try {
        return readRow(db);
      } finally {
        db.close();
      }
    });
  }

  close(): void {
    const db = this.#db;
    this.#db = null;
    db?.close();
  }

  #open(): DatabaseSync {
    if (this.#db) return this.#db;
    if (!checkPrivateFile(this.#path)) createDatabase(this.#path);
    this.#db = connect(this.#path);
    return this.#db;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toHeadError(error, this.#path);
    }
  }
}

function connect(path: string): DatabaseSync {
  const db = new (loadDatabaseClass())(path, { timeout: busyTimeoutMs });
  // With a write-ahead log that is safe from damage; what it may lose in a power cut is told by the check.
  db.exec('PRAGMA synchronous = NORMAL');
  return db;
}

/** Complete before it gets its name, so that of several processes that begin at once one is first, and none sees half of it. */
function createDatabase(path: string): void {
  makePrivateDirectory(dirname(path));
  const draft = `${path}.${makeRandomName()}.new`;
  try {
    closeSync(openSync(draft, 'wx', 0o600));
    const db = connect(draft);
    try {
      db.exec('PRAGMA journal_mode = WAL');
      db.exec(
        `CREATE TABLE head (
          id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL, segment INTEGER NOT NULL,
          bytes INTEGER NOT NULL, base_seq INTEGER NOT NULL, base_hash TEXT NOT NULL
        ) STRICT`,
      );
    } finally {
      db.close();
    }
    giveName(draft, path);
  } finally {
    for (const end of ['', '-wal', '-shm']) rmSync(`${draft}${end}`, { force: true });
  }
}

function giveName(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return;
    if (!isWithoutLinks(error)) throw error;
    if (!lstatSync(path, { throwIfNoEntry: false })) renameSync(draft, path);
  }
}

function readRow(db: DatabaseSync): HeadRow | null {
  const row = db.prepare('SELECT seq, hash, segment, bytes, base_seq, base_hash FROM head').get();
  if (!row) return null;
  return {
    ...{ seq: Number(row['seq']), hash: String(row['hash']) },
    ...{ segment: Number(row['segment']), bytes: Number(row['bytes']) },
    base: { seq: Number(row['base_seq']), hash: String(row['base_hash']) },
  };
}

function writeRow(db: DatabaseSync, { seq, hash, segment, bytes, base }: HeadRow): void {
  db.prepare('INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?, ?, ?)').run(
    ...[seq, hash, segment, bytes, base.seq, base.hash],
  );
}

function toHeadError(error: unknown, path: string): unknown {
  const told = toStateError(error, path);
  if (!(told instanceof DamagedStateError)) return told;
  const aside = quoteArgument(`${path}.damaged`);
  return new SpuffError('state', told.message, {
    hints: [`move it away, and the log goes on with a line that says so: mv ${quoteArgument(path)} ${aside}`],
    cause: error,
  });
}
