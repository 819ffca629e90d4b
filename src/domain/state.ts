/**
 * The port to the local state: instances, and the journal of the operations on them. Synchronous, as SQLite is; every
 * method is one transaction that is on disk when it returns.
 */
import type { InstanceKey } from './ids.ts';
import type { Instance } from './instance.ts';
import type { Receipt } from './receipt.ts';

export type OperationKind = 'up' | 'down' | 'snapshot' | 'agent-upgrade' | 'extend';

/** `started` without an end means the process died inside the step: its effect may or may not be there. */
export type StepStatus = 'started' | 'done' | 'failed' | 'undone' | 'undo-failed';

export interface StepRecord {
  name: string;
  status: StepStatus;
  /** What the step gave back: JSON, never a secret. */
  output: unknown;
  at: Date;
}

export interface Operation {
  id: number;
  kind: OperationKind;
  key: InstanceKey;
  /** Who runs it: a process that can be told from a later one with the same number. */
  owner: ProcessIdentity;
  startedAt: Date;
  steps: readonly StepRecord[];
}

export interface ProcessIdentity {
  host: string;
  bootId: string;
  pid: number;
  /** The process's start as the system tells it (clock ticks on Linux, `lstart` elsewhere). */
  startedAt: string;
}

export interface StateStore {
  /** Does all of `work`, or nothing when it throws; no other process comes in between. */
  transact<T>(work: () => T): T;
  listInstances(): Instance[];
  findInstance(name: string): Instance | null;
  getInstance(key: InstanceKey): Instance | null;
  /** @throws SpuffError `conflict` when the name is taken */
  insertInstance(instance: Instance): void;
  /** Changes the given fields and leaves the others. @throws SpuffError `not-found` */
  updateInstance(key: InstanceKey, change: Partial<Omit<Instance, 'key'>>): Instance;
  /** Forgets the instance and the journal of it. Absent is success. */
  deleteInstance(key: InstanceKey): void;

  /**
   * Opens an operation on an instance, or takes over the unfinished one of the same kind whose owner is dead
   * (its steps come along, so that it can go on). An unfinished operation of another kind of a dead owner is closed.
   * @throws SpuffError `conflict` when a living process is at work on the instance; it names that process
   */
  beginOperation(kind: OperationKind, key: InstanceKey): Operation;
  recordStep(operationId: number, step: { name: string; status: StepStatus; output?: unknown }): void;
  endOperation(operationId: number, outcome: 'done' | 'undone' | 'failed'): void;
  /** The unfinished operation of an instance, and whether its owner still lives. */
  findOperation(key: InstanceKey): (Operation & { ownerAlive: boolean }) | null;

  /** @returns whether it is the first of its machine; a second one changes nothing */
  addReceipt(receipt: Receipt): boolean;
  /** In the order they were written. */
  listReceipts(): Receipt[];
  close(): void;
}
