import type { JudgeClock } from '../domain/judge-machine.ts';
import type { CallOptions, Provider } from '../domain/provider.ts';
import { type AppContext, callOptions } from './context.ts';

/** A laptop's clock is not more wrong than that; a provider's never is. What differs by more is believed of neither. */
const mostMs = 36 * 3_600_000;

/** How wrong this computer's clock may be where the provider does not tell the time. */
const unsureMs = 24 * 3_600_000;

export interface ClockWatch {
  /** Options for a call that may take `timeoutMs`; what it is answered tells the provider's time. */
  options(timeoutMs: number): CallOptions;
  /** The time by the provider's clock, as far as it is known by now. */
  read(): JudgeClock;
  /** How far the provider's clock is ahead of this computer's; null where it has not told. */
  aheadMs(): number | null;
}

/**
 * Learns the provider's time from its answers. Deadlines are moments by the provider's clock: that of a laptop may be a day
 * wrong, and would destroy what lives, or let live what costs.
 */
export function watchClock(
  context: Pick<AppContext, 'signal' | 'runtime' | 'progress'>,
  { caps }: Pick<Provider, 'caps'>,
): ClockWatch {
  const { runtime } = context;
  let aheadMs: number | null = null;
  return {
    options(timeoutMs) {
      const plain = callOptions(context, timeoutMs);
      return {
        ...plain,
        onRequest: (request) => {
          plain.onRequest?.(request);
          if (request.serverTime === undefined || caps.clock === 'this-computer') return;
          const seenMs = request.serverTime.getTime() - runtime.now();
          // Of several the earliest: late answers of a proxy's memory keep, and never destroy.
          aheadMs = aheadMs === null ? seenMs : Math.min(aheadMs, seenMs);
        },
      };
    },
    read() {
      const nowMs = runtime.now();
      if (caps.clock === 'this-computer') return { nowMs, slackMs: 0 };
      if (aheadMs === null) return { nowMs, slackMs: unsureMs };
      return { nowMs: nowMs + (Math.abs(aheadMs) > mostMs ? Math.min(0, aheadMs) : aheadMs), slackMs: 0 };
    },
    aheadMs: () => aheadMs,
  };
}

/** Clocks that are set by the network differ by less; a deadline is not worth a request for it. */
const tolerableMs = 2 * 60_000;

/** What is to be added to this computer's time. @param aheadMs of the provider's clock; null: it has not told */
export function wrongByMs(aheadMs: number | null): number {
  return aheadMs === null || Math.abs(aheadMs) < tolerableMs ? 0 : aheadMs;
}

export function describeWrongClock(aheadMs: number, provider: string): string {
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  return `the clock of this computer is ${minutes} minutes ${aheadMs > 0 ? 'slow' : 'fast'}, by the clock of ${provider}`;
}
