import type { Instance } from '../domain/instance.ts';
import type { Vm } from '../domain/provider.ts';
import { makeReceipt, type Receipt } from '../domain/receipt.ts';
import type { StateStore } from '../domain/state.ts';

/** How a machine came to its end. */
export interface MachineEnd extends Pick<Receipt, 'by' | 'why' | 'snapshot' | 'endedAt'> {
  /** As it was found; null: it was not there any more. */
  vm: Vm | null;
  /** Where `endedAt` is null. */
  assumedEndAt?: Date | null;
  /** Not there: nothing was to be saved. */
  rescue?: Receipt['rescue'];
}

/**
 * Forgets an instance whose machine is gone, and leaves a receipt in its place. One that never had a machine leaves none.
 * @returns the receipt
 */
export function forgetWithReceipt(state: StateStore, instance: Instance, end: MachineEnd): Receipt | null {
  const { key, name, provider, region, size, directory, tariff } = instance;
  const vmId = end.vm?.id ?? instance.vmId;
  const { by, why, snapshot, endedAt, assumedEndAt = null, rescue = null } = end;
  return state.transact(() => {
    state.deleteInstance(key);
    if (vmId === null) return null;
    const createdAt = end.vm?.createdAt ?? instance.createdAt;
    const receipt = makeReceipt({
      ...{ key, name, provider, region, size, directory, tariff, vmId },
      ...{ by, why, snapshot, createdAt, endedAt, assumedEndAt, rescue },
    });
    state.addReceipt(receipt);
    return receipt;
  });
}
