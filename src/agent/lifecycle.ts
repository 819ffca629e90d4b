import type { Activity } from './activity.ts';
import type { LeaseFile } from './lease-file.ts';
import type { MetricsSource } from './metrics.ts';
import type { Power } from './power.ts';

export interface Lifecycle {
  /** Looks at the machine and does what is due. Call it every `tickMs`. */
  tick(): void;
}

export const tickMs = 15_000;

export interface LifecycleOptions {
  lease: LeaseFile;
  activity: Activity;
  metrics: MetricsSource;
  power: Power;
  now: () => number;
  /** Tells the people at their terminals. */
  warn: (text: string) => void;
}

/**
 * Ends the machine at its deadline, or when nobody is there, after a warning. A power-off needs to be due in two ticks
 * in a row: a clock that jumps for a moment switches nothing off.
 */
export function createLifecycle({ lease, activity, metrics, power, now, warn }: LifecycleOptions): Lifecycle {
  let warnedOfMs: number | null = null;
  let dueBefore = false;
  return {
    tick() {
      activity.observe();
      metrics.sample();
      const { act, next } = activity.decide(lease.read().config);
      if (act === 'warn' && next) {
        // The end of use moves by itself a little: it hangs on two clocks, one of which is adjusted now and then.
        const isNews = warnedOfMs === null || Math.abs(next.atMs - warnedOfMs) >= tickMs;
        warnedOfMs = next.atMs;
        if (isNews) warn(warningText(Math.max(0, next.atMs - now()), next.why));
      }
      if (act === 'none') warnedOfMs = null;
      const isDue = act === 'power-off' && next !== null;
      // What a caller planned for later must not put off the end of the lease.
      const isPlanned = power.planned !== null && power.planned.atMs <= now();
      if (isDue && dueBefore && !isPlanned) power.end(now(), next.why);
      dueBefore = isDue;
      power.tick(now());
    },
  };
}

function warningText(leftMs: number, why: string): string {
  const minutes = Math.floor(leftMs / 60_000);
  const left = minutes >= 2 ? `${minutes} minutes` : `${Math.ceil(leftMs / 1_000)} seconds`;
  return `this machine powers off in ${left}: ${why}.`;
}
