/** Until when a guard signs. */
export type LeaseState = 'running' | 'over' | 'revoked';

export interface Lease {
  state(): LeaseState;
  /** For people; wall clock. */
  readonly endsAt: Date;
  revoke(): void;
}

export interface LeaseClocks {
  wallMs(): number;
  /** Never goes back, and may stand still while the computer sleeps. */
  monotonicMs(): number;
}

/** Over when either clock says so: one can be set, the other may not have counted a night's sleep. */
export function startLease(lengthMs: number, clocks: LeaseClocks): Lease {
  const endsAtMs = clocks.wallMs() + lengthMs;
  const startedMs = clocks.monotonicMs();
  let revoked = false;
  return {
    state: () => {
      if (revoked) return 'revoked';
      const isOver = clocks.wallMs() >= endsAtMs || clocks.monotonicMs() - startedMs >= lengthMs;
      return isOver ? 'over' : 'running';
    },
    endsAt: new Date(endsAtMs),
    revoke: () => {
      revoked = true;
    },
  };
}
