import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { Receipt } from '../domain/receipt.ts';
import type { Operation, OperationKind, StateStore, StepStatus } from '../domain/state.ts';
import { openStateStore, type StateStoreOptions } from './state-store.ts';

/**
 * The local state, opened only to look until something is to be changed. So a command that only looks makes no file, and
 * works in a home that is mounted read-only and on a full disk; which commands these are nobody has to say.
 * Errors come from the methods, as those of `openStateStore`; nothing is opened here.
 */
export function openStateLazily(options: Omit<StateStoreOptions, 'readOnly'>): StateStore {
  return new LazyStateStore(options);
}

class LazyStateStore implements StateStore {
  readonly #options: StateStoreOptions;
  #reader: StateStore | null = null;
  #writer: StateStore | null = null;

  constructor(options: StateStoreOptions) {
    this.#options = options;
  }

  transact<T>(work: () => T): T {
    return this.#change().transact(work);
  }

  listInstances(): Instance[] {
    return this.#look().listInstances();
  }

  findInstance(name: string): Instance | null {
    return this.#look().findInstance(name);
  }

  getInstance(key: InstanceKey): Instance | null {
    return this.#look().getInstance(key);
  }

  insertInstance(instance: Instance): void {
    this.#change().insertInstance(instance);
  }

  updateInstance(key: InstanceKey, change: Partial<Omit<Instance, 'key'>>): Instance {
    return this.#change().updateInstance(key, change);
  }

  deleteInstance(key: InstanceKey): void {
    this.#change().deleteInstance(key);
  }

  beginOperation(kind: OperationKind, key: InstanceKey): Operation {
    return this.#change().beginOperation(kind, key);
  }

  recordStep(operationId: number, step: { name: string; status: StepStatus; output?: unknown }): void {
    this.#change().recordStep(operationId, step);
  }

  endOperation(operationId: number, outcome: 'done' | 'undone' | 'failed'): void {
    this.#change().endOperation(operationId, outcome);
  }

  findOperation(key: InstanceKey): (Operation & { ownerAlive: boolean }) | null {
    return this.#look().findOperation(key);
  }

  addReceipt(receipt: Receipt): boolean {
    return this.#change().addReceipt(receipt);
  }

  listReceipts(): Receipt[] {
    return this.#look().listReceipts();
  }

  close(): void {
    // The reader first: who closes last puts the log away, and that takes the right to write.
    this.#reader?.close();
    this.#writer?.close();
    this.#reader = null;
    this.#writer = null;
  }

  #look(): StateStore {
    if (this.#writer) return this.#writer;
    this.#reader ??= openStateStore({ ...this.#options, readOnly: true });
    return this.#reader;
  }

  /** Where it can't be opened for writing it can still be looked at. */
  #change(): StateStore {
    if (this.#writer) return this.#writer;
    this.#writer = openStateStore(this.#options);
    this.#reader?.close();
    this.#reader = null;
    return this.#writer;
  }
}
