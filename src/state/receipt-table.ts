import type { DatabaseSync } from 'node:sqlite';
import { isInstanceKey } from '../domain/ids.ts';
import type { Receipt } from '../domain/receipt.ts';
import { DamagedStateError } from './state-errors.ts';

/** A receipt as JSON holds it: moments in ms since the epoch. */
type StoredReceipt = Omit<Receipt, 'createdAt' | 'endedAt' | 'assumedEndAt'> & {
  createdAt: number;
  endedAt: number | null;
  /** Missing: an earlier version wrote it. */
  assumedEndAt?: number | null;
};

/** The receipts in the database: one for each machine that is gone. */
export class ReceiptTable {
  readonly #db: DatabaseSync;
  /** For messages. */
  readonly #path: string;

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
  }

  /** @returns whether it was the first of its machine; another one changes nothing */
  add(receipt: Receipt, nowMs: number): boolean {
    const { changes } = this.#db
      .prepare('INSERT OR IGNORE INTO receipts (key, written_at_ms, doc) VALUES (?, ?, ?)')
      .run(receipt.key, nowMs, encodeReceipt(receipt));
    return Number(changes) === 1;
  }

  /** In the order they were written. */
  list(): Receipt[] {
    const rows = this.#db.prepare('SELECT doc FROM receipts ORDER BY written_at_ms, key').all();
    return rows.map(({ doc }) => {
      const receipt = decodeReceipt(String(doc));
      if (receipt === null) throw new DamagedStateError(this.#path, 'a receipt in it is damaged');
      return receipt;
    });
  }
}

function encodeReceipt(receipt: Receipt): string {
  const stored: StoredReceipt = {
    ...receipt,
    createdAt: receipt.createdAt.getTime(),
    endedAt: receipt.endedAt?.getTime() ?? null,
    assumedEndAt: receipt.assumedEndAt?.getTime() ?? null,
  };
  return JSON.stringify(stored);
}

/** null for anything that `encodeReceipt` did not write. */
export function decodeReceipt(doc: string): Receipt | null {
  try {
    const stored = JSON.parse(doc) as StoredReceipt;
    if (!isInstanceKey(stored.key) || typeof stored.createdAt !== 'number') return null;
    const { createdAt, endedAt, assumedEndAt = null } = stored;
    const dateOf = (ms: number | null) => (ms === null ? null : new Date(ms));
    return {
      ...stored,
      // Versions before this one wrote none.
      rescue: stored.rescue ?? null,
      createdAt: new Date(createdAt),
      endedAt: dateOf(endedAt),
      assumedEndAt: dateOf(assumedEndAt),
    };
  } catch {
    return null;
  }
}
