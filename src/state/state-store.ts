import type { DatabaseSync } from 'node:sqlite';
import type { AuditEntry, AuditLog } from '../domain/audit.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { Operation, OperationKind, StateStore, StepStatus } from '../domain/state.ts';
import { type ProcessTable, procTable } from '../lib/process-identity.ts';
import { InstanceTable } from './instance-table.ts';
import { OperationJournal } from './operation-journal.ts';
import { ReceiptTable } from './receipt-table.ts';
import { emptyLog, inTransaction, openDatabase } from './state-database.ts';
import { toStateError } from './state-errors.ts';
import { entriesOfUpdate, entryOfReceipt } from './state-watcher.ts';

export interface StateStoreOptions {
  /** `state.db` in the home. It and what is missing of its directory is made, 0600 and 0700. */
  path: string;
  /** For commands that only look: makes no file, and every change is refused. */
  readOnly?: boolean;
  /** Who is alive; /proc unless given, which only Linux has. */
  processes?: ProcessTable;
  /** How long to wait for another process that holds the database; 10 s unless told. */
  busyTimeoutMs?: number;
  now?: () => number;
  /** Hears, once it is on disk, that a lease has another end or a machine is gone. */
  audit?: Pick<AuditLog, 'note'>;
}

/**
 * Opens the local state. Every method reports what is wrong with the file as one SpuffError, and none resets anything.
 * @throws SpuffError `state` when it is damaged, of a newer spuff, or the disk is full; `conflict` when another process
 * keeps it locked, naming that process; `permission` when it or its directory is someone else's or read-only
 */
export function openStateStore(options: StateStoreOptions): StateStore {
  const { path, readOnly = false, busyTimeoutMs = 10_000 } = options;
  const db = openDatabase({ path, readOnly, busyTimeoutMs });
  return new SqliteStateStore(db, options);
}

class SqliteStateStore implements StateStore {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #instances: InstanceTable;
  readonly #journal: OperationJournal;
  readonly #receipts: ReceiptTable;
  readonly #now: () => number;
  readonly #audit: Pick<AuditLog, 'note'> | undefined;
  /** For the local log, when the transaction is over. */
  #entries: AuditEntry[] = [];
  /** Whether SQLite's log still has the token and keys of an instance that was deleted. */
  #logHoldsSecrets = false;

  constructor(db: DatabaseSync, options: StateStoreOptions) {
    this.#db = db;
    this.#path = options.path;
    this.#instances = new InstanceTable(db, options.path);
    this.#now = options.now ?? Date.now;
    this.#audit = options.audit;
    this.#journal = new OperationJournal(db, options.processes ?? procTable, this.#now);
    this.#receipts = new ReceiptTable(db, options.path);
  }

  transact<T>(work: () => T): T {
    return this.#guard(() => inTransaction(this.#db, work));
  }

  listInstances(): Instance[] {
    return this.#guard(() => this.#instances.list());
  }

  findInstance(name: string): Instance | null {
    return this.#guard(() => this.#instances.find('name', name));
  }

  getInstance(key: InstanceKey): Instance | null {
    return this.#guard(() => this.#instances.find('key', key));
  }

  insertInstance(instance: Instance): void {
    this.#guard(() => this.#instances.insert(instance));
  }

  updateInstance(key: InstanceKey, change: Partial<Omit<Instance, 'key'>>): Instance {
    return this.#guard(() =>
      inTransaction(this.#db, () => {
        const before = this.#instances.find('key', key);
        const after = this.#instances.update(key, change);
        if (before) this.#entries.push(...entriesOfUpdate(before, after, Boolean(change.agent)));
        return after;
      }),
    );
  }

  deleteInstance(key: InstanceKey): void {
    this.#logHoldsSecrets = true;
    this.#guard(() => this.#instances.delete(key));
  }

  beginOperation(kind: OperationKind, key: InstanceKey): Operation {
    return this.#guard(() => this.#journal.begin(kind, key));
  }

  recordStep(operationId: number, step: { name: string; status: StepStatus; output?: unknown }): void {
    this.#guard(() => this.#journal.record(operationId, step));
  }

  endOperation(operationId: number, outcome: 'done' | 'undone' | 'failed'): void {
    this.#guard(() => this.#journal.end(operationId, outcome));
  }

  findOperation(key: InstanceKey): (Operation & { ownerAlive: boolean }) | null {
    return this.#guard(() => this.#journal.find(key));
  }

  addReceipt(receipt: Receipt): boolean {
    return this.#guard(() => {
      const isFirst = this.#receipts.add(receipt, this.#now());
      if (isFirst) this.#entries.push(entryOfReceipt(receipt));
      return isFirst;
    });
  }

  listReceipts(): Receipt[] {
    return this.#guard(() => this.#receipts.list());
  }

  close(): void {
    if (this.#db.isOpen) this.#guard(() => this.#db.close());
  }

  #guard<T>(work: () => T): T {
    try {
      const result = work();
      if (this.#logHoldsSecrets && this.#db.isOpen && !this.#db.isTransaction) {
        this.#logHoldsSecrets = false;
        emptyLog(this.#db);
      }
      this.#tell();
      return result;
    } catch (error) {
      if (!this.#db.isOpen || !this.#db.isTransaction) this.#entries = [];
      throw toStateError(error, this.#path);
    }
  }

  #tell(): void {
    if (this.#entries.length === 0 || this.#db.isTransaction) return;
    for (const entry of this.#entries.splice(0)) this.#audit?.note(entry);
  }
}
