/** What the local log wants to know of the state: ends of leases, and machines that are gone. */
import type { AuditEntry } from '../domain/audit.ts';
import type { Instance } from '../domain/instance.ts';
import { formatMoney } from '../domain/money.ts';
import type { Receipt } from '../domain/receipt.ts';

/** @param isArmed the agent was installed, which has the lease */
export function entriesOfUpdate(before: Instance, after: Instance, isArmed: boolean): AuditEntry[] {
  const of = { instanceKey: after.key, instanceName: after.name };
  const until = after.expiresAt?.toISOString() ?? null;
  const isMoved = before.expiresAt?.getTime() !== after.expiresAt?.getTime();
  return [
    ...(isMoved ? [{ kind: 'deadline', details: { ...of, event: 'moved', until } } as const] : []),
    ...(isArmed ? [{ kind: 'deadline', details: { ...of, event: 'armed', until } } as const] : []),
  ];
}

export function entryOfReceipt(receipt: Receipt): AuditEntry {
  const { key, name, provider, vmId, by, why, endedAt, cost, snapshot } = receipt;
  return {
    kind: 'end',
    details: {
      ...{ instanceKey: key, instanceName: name, provider, machine: vmId, by, why, snapshot },
      endedAt: endedAt?.toISOString() ?? null,
      cost: cost && formatMoney(cost, 5),
    },
  };
}
