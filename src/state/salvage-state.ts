/** What can still be read of a damaged database: each table from its beginning and from its end, up to the damage. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Instance } from '../domain/instance.ts';
import type { OperationKind, StepStatus } from '../domain/state.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { decodeInstance } from './instance-codec.ts';
import { InstanceTable } from './instance-table.ts';
import { decodeReceipt } from './receipt-table.ts';
import { inTransaction } from './state-database.ts';

type Row = Record<string, SQLOutputValue>;
type Table = 'instances' | 'operations' | 'steps' | 'receipts';

export interface Salvage {
  /** In the order they were made. */
  instances: readonly Instance[];
  /** The journal of these instances, as it stands in the tables: with it a half-made one can be gone on with. */
  operations: readonly Row[];
  steps: readonly Row[];
  /** Of machines that are gone. */
  receipts: readonly Row[];
}

const kinds: Readonly<Record<OperationKind, true>> = {
  up: true,
  down: true,
  snapshot: true,
  'agent-upgrade': true,
  extend: true,
};
const statuses: Readonly<Record<StepStatus, true>> = {
  started: true,
  done: true,
  failed: true,
  undone: true,
  'undo-failed': true,
};

/** @param path of a copy: SQLite removes the log of a database that it takes for an empty one, even when it only reads */
export function salvageState(path: string): Salvage {
  const instances = takeInstances(readBothWays(path, 'instances', 'rowid'));
  const keys = new Set<unknown>(instances.map(({ key }) => key));
  const operations = distinct(readBothWays(path, 'operations', 'id')).filter(
    (row) => keys.has(row['key']) && String(row['kind']) in kinds,
  );
  const ids = new Set(operations.map((row) => row['id']));
  const steps = distinct(readBothWays(path, 'steps', 'id')).filter(
    (row) => ids.has(row['operation_id']) && String(row['status']) in statuses && isJson(row['output']),
  );
  const receipts = readBothWays(path, 'receipts', 'rowid').filter(
    ({ key, doc }) => decodeReceipt(String(doc))?.key === key,
  );
  return { instances, operations, steps, receipts };
}

/** Fills an empty database in one transaction. */
export function fillFromSalvage(db: DatabaseSync, path: string, salvage: Salvage): void {
  inTransaction(db, () => {
    const table = new InstanceTable(db, path);
    for (const instance of salvage.instances) table.insert(instance);
    for (const row of salvage.operations) insertRow(db, 'operations', row);
    for (const row of salvage.steps) insertRow(db, 'steps', row);
    for (const row of salvage.receipts) insertRow(db, 'receipts', row);
  });
}

/** What a rule of the table forbids, such as a second open operation, can only be of the damage. */
function insertRow(db: DatabaseSync, table: Table, row: Row): void {
  const columns = Object.keys(row);
  const marks = columns.map(() => '?').join(', ');
  db.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${marks})`).run(
    ...Object.values(row),
  );
}

function takeInstances(rows: readonly Row[]): Instance[] {
  const found = new Map<string, Instance>();
  const names = new Set<string>();
  for (const { doc } of rows) {
    const instance = decodeOrNull(String(doc));
    if (!instance || found.has(instance.key) || names.has(instance.name)) continue;
    found.set(instance.key, instance);
    names.add(instance.name);
  }
  return [...found.values()].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
}

function distinct(rows: readonly Row[]): Row[] {
  const byId = new Map(rows.map((row) => [Number(row['id']), row]));
  return [...byId].sort(([a], [b]) => a - b).map(([, row]) => row);
}

function readBothWays(path: string, table: Table, by: string): Row[] {
  return [...readTable(path, table, `${by} ASC`), ...readTable(path, table, `${by} DESC`)];
}

function readTable(path: string, table: Table, order: string): Row[] {
  const found: Row[] = [];
  const db = new (loadDatabaseClass())(path, { readOnly: true, open: false });
  try {
    db.open();
    for (const row of db.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).iterate()) found.push(row);
  } catch {
    // Here the damage begins: what was read before it counts.
  } finally {
    if (db.isOpen) db.close();
  }
  return found;
}

function decodeOrNull(doc: string): Instance | null {
  try {
    return decodeInstance(doc);
  } catch {
    return null;
  }
}

function isJson(output: SQLOutputValue | undefined): boolean {
  if (output === null) return true;
  try {
    JSON.parse(String(output));
    return true;
  } catch {
    return false;
  }
}
