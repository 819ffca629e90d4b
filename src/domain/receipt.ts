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
  /** When the provider said that it is gone, and its bill with it; null: it had gone before anybody looked. */
  endedAt: Date | null;
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
  const { tariff, createdAt, endedAt } = of;
  const isKnown = tariff !== null && endedAt !== null;
  return { ...of, rescue, cost: isKnown ? costOf(tariff, endedAt.getTime() - createdAt.getTime()) : null };
}
