import type { InstanceKey } from './ids.ts';
import type { DestroyReason } from './judge-machine.ts';
import { costOf, type Tariff } from './money.ts';
import type { Money, ProviderId } from './provider.ts';

/** `asked`: somebody said `down`. `failed-up`: it was never finished. `gone`: it was found to have ended by itself. */
export type EndReason = DestroyReason | 'asked' | 'failed-up' | 'interrupted-down' | 'gone';

/** What is left to know of a machine that was destroyed. It outlives the record of its instance. */
export interface Receipt {
  key: InstanceKey;
  name: string;
  provider: ProviderId;
  region: string;
  size: string;
  vmId: string;
  /** The folder that `up` was run in; null where the state did not know the machine. */
  directory: string | null;
  /** The command that saw to it. */
  by: 'down' | 'reap' | 'up';
  why: EndReason;
  createdAt: Date;
  /** When the provider said that it is gone, and its bill with it; null: nobody saw that. */
  endedAt: Date | null;
  /** Where nobody saw its end: when it is taken to have come (see unseen-end.ts). null also in receipts of earlier versions. */
  assumedEndAt: Date | null;
  tariff: Tariff | null;
  /** null: nothing, or not known. */
  cost: Money | null;
  /** The name that its disk is kept under; null: it is not. */
  snapshot: string | null;
  /** What became of the work on it; null: nothing was to be saved. */
  rescue: ReceiptRescue | null;
}

export interface ReceiptRescue {
  outcome: 'saved' | 'nothing' | 'failed';
  /** Of the rescue; null: there is none. */
  name: string | null;
}

type NewReceipt = Omit<Receipt, 'cost' | 'rescue'> & Partial<Pick<Receipt, 'rescue'>>;

export function makeReceipt({ rescue = null, ...of }: NewReceipt): Receipt {
  const { tariff, createdAt } = of;
  const end = of.endedAt ?? of.assumedEndAt;
  const isKnown = tariff !== null && end !== null;
  return { ...of, rescue, cost: isKnown ? costOf(tariff, end.getTime() - createdAt.getTime()) : null };
}
