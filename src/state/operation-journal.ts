import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { Operation, OperationKind, ProcessIdentity, StepRecord, StepStatus } from '../domain/state.ts';
import type { ProcessTable } from '../lib/process-identity.ts';
import { inTransaction } from './state-database.ts';

type Row = Record<string, SQLOutputValue>;

/** How long a process that can't be looked at (another host or container) counts as alive after its last entry. */
const unseenOwnerLifetimeMs = 3_600_000;

/** The record of what is being done to instances, and by whom. At most one operation per instance is open. */
export class OperationJournal {
  readonly #db: DatabaseSync;
  readonly #processes: ProcessTable;
  readonly #now: () => number;
  #self: ProcessIdentity | undefined;

  constructor(db: DatabaseSync, processes: ProcessTable, now: () => number) {
    this.#db = db;
    this.#processes = processes;
    this.#now = now;
  }

  begin(kind: OperationKind, key: InstanceKey): Operation {
    // Outside the transaction: elsewhere than on Linux it starts a process.
    const owner = this.#findSelf();
    return inTransaction(this.#db, () => {
      const open = this.#findOpen(key);
      if (open) {
        if (this.#isOwnerAlive(open)) throw busyError(toOperation(open, []));
        if (open['kind'] === kind) return this.#takeOver(open, owner);
        this.#close(Number(open['id']), 'abandoned');
      }
      return this.#insert(kind, key, owner);
    });
  }

  record(operationId: number, step: { name: string; status: StepStatus; output?: unknown }): void {
    const output = step.output === undefined ? null : JSON.stringify(step.output);
    inTransaction(this.#db, () => {
      this.#requireOwn(operationId);
      const now = this.#now();
      this.#db
        .prepare('INSERT INTO steps (operation_id, name, status, output, at_ms) VALUES (?, ?, ?, ?, ?)')
        .run(operationId, step.name, step.status, output, now);
      this.#db.prepare('UPDATE operations SET touched_at_ms = ? WHERE id = ?').run(now, operationId);
    });
  }

  /** An operation that is gone, as it is after the instance was forgotten, needs no end. */
  end(operationId: number, outcome: 'done' | 'undone' | 'failed'): void {
    inTransaction(this.#db, () => {
      if (!this.#db.prepare('SELECT 1 FROM operations WHERE id = ?').get(operationId)) return;
      this.#requireOwn(operationId);
      this.#close(operationId, outcome);
    });
  }

  find(key: InstanceKey): (Operation & { ownerAlive: boolean }) | null {
    const row = this.#findOpen(key);
    if (!row) return null;
    return { ...toOperation(row, this.#readSteps(Number(row['id']))), ownerAlive: this.#isOwnerAlive(row) };
  }

  /** Looked up once: a process stays the same, and elsewhere than on Linux asking starts another. */
  #findSelf(): ProcessIdentity {
    this.#self ??= this.#processes.self();
    return this.#self;
  }

  #findOpen(key: InstanceKey): Row | undefined {
    return this.#db.prepare('SELECT * FROM operations WHERE key = ? AND ended_at_ms IS NULL').get(key);
  }

  #insert(kind: OperationKind, key: InstanceKey, owner: ProcessIdentity): Operation {
    const now = this.#now();
    const { lastInsertRowid } = this.#db
      .prepare(
        'INSERT INTO operations (key, kind, owner_host, owner_boot, owner_pid, owner_started, started_at_ms, touched_at_ms)' +
          ' VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(key, kind, owner.host, owner.bootId, owner.pid, owner.startedAt, now, now);
    return { id: Number(lastInsertRowid), kind, key, owner, startedAt: new Date(now), steps: [] };
  }

  #takeOver(row: Row, owner: ProcessIdentity): Operation {
    const id = Number(row['id']);
    this.#db
      .prepare(
        'UPDATE operations SET owner_host = ?, owner_boot = ?, owner_pid = ?, owner_started = ?, touched_at_ms = ? WHERE id = ?',
      )
      .run(owner.host, owner.bootId, owner.pid, owner.startedAt, this.#now(), id);
    return { ...toOperation(row, this.#readSteps(id)), owner };
  }

  #close(id: number, outcome: string): void {
    this.#db
      .prepare('UPDATE operations SET ended_at_ms = ?, outcome = ? WHERE id = ? AND ended_at_ms IS NULL')
      .run(this.#now(), outcome, id);
  }

  /** Every record, in the order they were made: a step that ran to its end is there twice, as started and as done. */
  #readSteps(operationId: number): StepRecord[] {
    const rows = this.#db
      .prepare('SELECT name, status, output, at_ms FROM steps WHERE operation_id = ? ORDER BY id')
      .all(operationId);
    return rows.map((row) => ({
      name: String(row['name']),
      status: row['status'] as StepStatus,
      output: row['output'] === null ? null : (JSON.parse(String(row['output'])) as unknown),
      at: new Date(Number(row['at_ms'])),
    }));
  }

  #isOwnerAlive(row: Row): boolean {
    const liveness = this.#processes.liveness(ownerOf(row));
    if (liveness !== 'unknown') return liveness === 'alive';
    return this.#now() - Number(row['touched_at_ms']) < unseenOwnerLifetimeMs;
  }

  /** @throws SpuffError `conflict` when the operation was closed or taken over by another process */
  #requireOwn(operationId: number): void {
    const row = this.#db
      .prepare('SELECT * FROM operations WHERE id = ? AND ended_at_ms IS NULL')
      .get(operationId);
    if (row && isSame(ownerOf(row), this.#findSelf())) return;
    throw new SpuffError(
      'conflict',
      'another spuff has gone on with what this one was doing, or has removed it',
      {
        hints: ['see how things stand: spuff ls'],
      },
    );
  }
}

function ownerOf(row: Row): ProcessIdentity {
  return {
    host: String(row['owner_host']),
    bootId: String(row['owner_boot']),
    pid: Number(row['owner_pid']),
    startedAt: String(row['owner_started']),
  };
}

function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.host === b.host && a.bootId === b.bootId && a.pid === b.pid && a.startedAt === b.startedAt;
}

function toOperation(row: Row, steps: readonly StepRecord[]): Operation {
  return {
    id: Number(row['id']),
    kind: row['kind'] as OperationKind,
    key: row['key'] as InstanceKey,
    owner: ownerOf(row),
    startedAt: new Date(Number(row['started_at_ms'])),
    steps,
  };
}

function busyError({ kind, owner }: Operation): SpuffError {
  return new SpuffError(
    'conflict',
    `another spuff (process ${owner.pid} on ${owner.host}) is at work on this instance: ${kind}`,
    { hints: ['wait for it to end, or use another name'] },
  );
}
