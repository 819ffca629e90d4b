/** What the cloud really has and had, and what was meant to become of it: nobody in the simulation looks here but the judge. */
import type { Tariff } from '../../src/domain/money.ts';
import type { TrueMachine } from './cloud-model.ts';

export interface Order {
  name: string;
  orderedAtMs: number;
  /** Its lease holds at least so long, and at most: they differ while the end of the lease is being moved. */
  leastEndMs: number;
  mostEndMs: number;
  tariff: Tariff | null;
}

/** How a machine stopped being of use, or stopped being. */
export interface Ending {
  atMs: number;
  /** Such as `reap at elsewhere`. */
  by: string;
  why: 'agent' | 'user' | 'console' | 'request';
  wasInUse: boolean;
  /** The machine's own clock was wrong. */
  hadWrongClock: boolean;
  /** Since its last use. */
  idleMs: number;
}

export interface MachineRecord {
  id: string;
  name: string;
  madeAtMs: number;
  goneAtMs: number | null;
  /** Each time it went off, and at last its destruction. */
  endings: Ending[];
}

export class Ledger {
  readonly machines = new Map<string, MachineRecord>();
  /** By the name that the machine bears at the cloud. */
  readonly orders = new Map<string, Order>();

  /** @returns what has come, and what has gone */
  compare(there: readonly TrueMachine[], nowMs: number): { come: MachineRecord[]; gone: MachineRecord[] } {
    const ids = new Set(there.map(({ id }) => id));
    const gone = [...this.machines.values()].filter(({ id, goneAtMs }) => goneAtMs === null && !ids.has(id));
    for (const machine of gone) machine.goneAtMs = nowMs;
    const come = there
      .filter(({ id }) => !this.machines.has(id))
      .map(({ id, name }) => ({ id, name, madeAtMs: nowMs, goneAtMs: null, endings: [] }));
    for (const machine of come) this.machines.set(machine.id, machine);
    return { come, gone };
  }

  orderOf({ name }: MachineRecord): Order | null {
    return this.orders.get(name) ?? null;
  }

  /** Those of spuff's that cost money now. */
  get alive(): MachineRecord[] {
    return [...this.machines.values()].filter((one) => one.goneAtMs === null && this.orderOf(one) !== null);
  }
}
