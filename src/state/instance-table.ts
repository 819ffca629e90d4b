import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import { sqliteCode } from '../lib/sqlite.ts';
import { decodeInstance, encodeInstance } from './instance-codec.ts';
import { inTransaction } from './state-database.ts';
import { DamagedStateError } from './state-errors.ts';

/** The instances in the database; the columns beside `doc` are what is looked up by. */
export class InstanceTable {
  readonly #db: DatabaseSync;
  /** For messages. */
  readonly #path: string;
  /** Thousands of instances may be looked at one by one, and preparing a statement takes longer than running it. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
  }

  /** In the order they were made. */
  list(): Instance[] {
    const rows = this.#prepare('SELECT doc FROM instances ORDER BY created_at_ms, key').all();
    return rows.map(({ doc }) => this.#decode(doc));
  }

  find(by: 'name' | 'key', value: string): Instance | null {
    const row = this.#prepare(`SELECT doc FROM instances WHERE ${by} = ?`).get(value);
    return row ? this.#decode(row['doc']) : null;
  }

  insert(instance: Instance): void {
    const { key, name, provider, phase, createdAt } = instance;
    this.#refuseTaken(instance, () => {
      this.#prepare(
        'INSERT INTO instances (key, name, provider, phase, created_at_ms, doc) VALUES (?, ?, ?, ?, ?, ?)',
      ).run(key, name, provider, phase, createdAt.getTime(), encodeInstance(instance));
    });
  }

  update(key: InstanceKey, change: Partial<Omit<Instance, 'key'>>): Instance {
    return inTransaction(this.#db, () => {
      const before = this.find('key', key);
      if (!before) {
        throw new SpuffError('not-found', `the instance ${key} is not in the local state any more`, {
          hints: ['another spuff may have removed it: spuff ls'],
        });
      }
      const after: Instance = { ...before, ...change, key };
      this.#refuseTaken(after, () => {
        this.#prepare(
          'UPDATE instances SET name = ?, provider = ?, phase = ?, created_at_ms = ?, doc = ? WHERE key = ?',
        ).run(after.name, after.provider, after.phase, after.createdAt.getTime(), encodeInstance(after), key);
      });
      return after;
    });
  }

  delete(key: InstanceKey): void {
    inTransaction(this.#db, () => {
      this.#prepare('DELETE FROM operations WHERE key = ?').run(key);
      this.#prepare('DELETE FROM instances WHERE key = ?').run(key);
    });
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #refuseTaken(instance: Instance, write: () => void): void {
    try {
      write();
    } catch (error) {
      if (sqliteCode(error) !== constraintUnique && sqliteCode(error) !== constraintPrimaryKey) throw error;
      throw new SpuffError('conflict', `there is an instance named ${instance.name} already`, {
        hints: [
          `connect to it: spuff ssh ${instance.name}`,
          'or choose another name; spuff ls shows those in use',
        ],
        cause: error,
      });
    }
  }

  #decode(doc: unknown): Instance {
    try {
      return decodeInstance(String(doc));
    } catch (error) {
      // The error of JSON.parse quotes what it read, and that holds secrets: it goes no further.
      const kind = error instanceof Error ? error.name : typeof error;
      throw new DamagedStateError(this.#path, `an instance in it is damaged (${kind})`);
    }
  }
}

/** @see https://sqlite.org/rescode.html#extrc */
const constraintPrimaryKey = 1555;
const constraintUnique = 2067;
