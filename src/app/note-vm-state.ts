import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { StateStore } from '../domain/state.ts';

/**
 * Writes down what the provider said of a machine. The next `spuff ls` is better for it, but nothing depends on it: where
 * it can't be written (a full disk, a home that is mounted read-only, an instance that was removed meanwhile) the answer
 * counts all the same.
 * @returns the record with what was said
 */
export function noteVmState(state: StateStore, instance: Instance, vmState: Instance['vmState']): Instance {
  try {
    return state.updateInstance(instance.key, { vmState });
  } catch (error) {
    const known = error instanceof SpuffError ? error.code : null;
    if (known === 'state' || known === 'permission' || known === 'not-found') return { ...instance, vmState };
    throw error;
  }
}
