import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { StateStore } from '../domain/state.ts';

/**
 * Writes down what providers said of machines, all of it at once. The next `spuff ls` is better for it, but nothing depends
 * on it: where it can't be written (a full disk, a home that is mounted read-only, an instance that was removed meanwhile) the
 * answer counts all the same.
 * @returns the records with what was said
 */
export function noteVmStates(
  state: StateStore,
  said: readonly { instance: Instance; vmState: Instance['vmState'] }[],
): Instance[] {
  try {
    state.transact(() => {
      for (const { instance, vmState } of said) {
        if (state.getInstance(instance.key)) state.updateInstance(instance.key, { vmState });
      }
    });
  } catch (error) {
    if (!(error instanceof SpuffError) || !['state', 'permission'].includes(error.code)) throw error;
  }
  return said.map(({ instance, vmState }) => ({ ...instance, vmState }));
}
