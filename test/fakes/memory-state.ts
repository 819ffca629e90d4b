import { SpuffError } from '../../src/domain/errors.ts';
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Instance } from '../../src/domain/instance.ts';
import type { Receipt } from '../../src/domain/receipt.ts';
import type { Operation, OperationKind, StateStore, StepStatus } from '../../src/domain/state.ts';

/** The state port in memory. `alive` says whether the owners of its operations still run. */
export class MemoryState implements StateStore {
  readonly #instances = new Map<InstanceKey, Instance>();
  readonly #operations = new Map<number, Operation & { ended: string | null }>();
  readonly #receipts = new Map<InstanceKey, Receipt>();
  alive = true;

  constructor(instances: readonly Instance[] = []) {
    for (const instance of instances) this.#instances.set(instance.key, instance);
  }

  transact<T>(work: () => T): T {
    return work();
  }

  listInstances(): Instance[] {
    return [...this.#instances.values()];
  }

  findInstance(name: string): Instance | null {
    return this.listInstances().find((instance) => instance.name === name) ?? null;
  }

  getInstance(key: InstanceKey): Instance | null {
    return this.#instances.get(key) ?? null;
  }

  insertInstance(instance: Instance): void {
    if (this.findInstance(instance.name)) throw new SpuffError('conflict', `${instance.name} exists already`);
    this.#instances.set(instance.key, instance);
  }

  updateInstance(key: InstanceKey, change: Partial<Omit<Instance, 'key'>>): Instance {
    const instance = this.#instances.get(key);
    if (!instance) throw new SpuffError('not-found', `there is no instance ${key}`);
    const changed = { ...instance, ...change };
    this.#instances.set(key, changed);
    return changed;
  }

  deleteInstance(key: InstanceKey): void {
    this.#instances.delete(key);
    for (const [id, operation] of this.#operations) if (operation.key === key) this.#operations.delete(id);
  }

  beginOperation(kind: OperationKind, key: InstanceKey): Operation {
    const open = this.findOperation(key);
    if (open?.ownerAlive) throw new SpuffError('conflict', `process ${open.owner.pid} is at work on it`);
    if (open?.kind === kind) return open;
    const operation = {
      id: this.#operations.size + 1,
      kind,
      key,
      owner: { host: 'here', bootId: 'b', pid: 4711, startedAt: '1' },
      startedAt: new Date(0),
      steps: [],
      ended: null,
    };
    this.#operations.set(operation.id, operation);
    return operation;
  }

  recordStep(operationId: number, step: { name: string; status: StepStatus; output?: unknown }): void {
    const operation = this.#operations.get(operationId);
    if (!operation) throw new TypeError(`there is no operation ${operationId}`);
    const steps = [...operation.steps, { output: null, ...step, at: new Date(0) }];
    this.#operations.set(operationId, { ...operation, steps });
  }

  endOperation(operationId: number, outcome: 'done' | 'undone' | 'failed'): void {
    const operation = this.#operations.get(operationId);
    if (operation) this.#operations.set(operationId, { ...operation, ended: outcome });
  }

  findOperation(key: InstanceKey): (Operation & { ownerAlive: boolean }) | null {
    const open = [...this.#operations.values()].find(
      (operation) => operation.key === key && operation.ended === null,
    );
    return open ? { ...open, ownerAlive: this.alive } : null;
  }

  addReceipt(receipt: Receipt): boolean {
    if (this.#receipts.has(receipt.key)) return false;
    this.#receipts.set(receipt.key, receipt);
    return true;
  }

  listReceipts(): Receipt[] {
    return [...this.#receipts.values()];
  }

  /** How the last operation of an instance ended; null while it has not. */
  outcomeOf(key: InstanceKey): string | null {
    return [...this.#operations.values()].findLast((operation) => operation.key === key)?.ended ?? null;
  }

  close(): void {
    // Nothing is open.
  }
}
