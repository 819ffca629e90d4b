import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Instance } from '../../src/domain/instance.ts';
import type { StateStore } from '../../src/domain/state.ts';
import { MemoryState } from '../fakes/memory-state.ts';
import type { Host, SimProcess } from './host.ts';

const owners = new WeakMap<MemoryState, Map<InstanceKey, SimProcess>>();

export interface StateWatcher {
  /** The intent of an instance is on disk. */
  onNew(instance: Instance): void;
  /** A process has written down that it is to be destroyed. */
  onDestroying(key: InstanceKey, process: SimProcess): void;
}

/** The state of its computer as one process has it: who owns an operation is alive as long as that process is. */
export function openStateOf(process: SimProcess, { onNew, onDestroying }: StateWatcher): StateStore {
  const store = storeOf(process.host);
  const owned = owners.get(store) ?? new Map<InstanceKey, SimProcess>();
  owners.set(store, owned);
  const look = (key: InstanceKey) => {
    store.alive = owned.get(key)?.isAlive ?? false;
  };
  return {
    transact: (work) => store.transact(work),
    listInstances: () => store.listInstances(),
    findInstance: (name) => store.findInstance(name),
    getInstance: (key) => store.getInstance(key),
    insertInstance(instance) {
      store.insertInstance(instance);
      onNew(instance);
    },
    updateInstance(key, change) {
      if (change.phase === 'destroying') onDestroying(key, process);
      return store.updateInstance(key, change);
    },
    deleteInstance: (key) => store.deleteInstance(key),
    beginOperation(kind, key) {
      look(key);
      const operation = store.beginOperation(kind, key);
      owned.set(key, process);
      return operation;
    },
    recordStep: (id, step) => store.recordStep(id, step),
    endOperation: (id, outcome) => store.endOperation(id, outcome),
    findOperation(key) {
      look(key);
      return store.findOperation(key);
    },
    addReceipt: (receipt) => store.addReceipt(receipt),
    listReceipts: () => store.listReceipts(),
    close: () => undefined,
  };
}

/** A computer that keeps nothing begins with nothing each time. */
function storeOf({ state }: Host): MemoryState {
  return state ?? new MemoryState();
}
