import type { Activity } from './activity.ts';
import { idleReason, type PowerDecision } from './decide-power.ts';
import type { LeaseFile } from './lease-file.ts';
import type { MetricsSource } from './metrics.ts';
import type { Power } from './power.ts';

export interface Lifecycle {
  /** Looks at the machine and does what is due. Call it every `tickMs`. */
  tick(): void;
}

export const tickMs = 15_000;

/** A timer may come a little early by another clock. */
const leewayMs = 1_000;

export interface LifecycleOptions {
  lease: LeaseFile;
  activity: Activity;
  metrics: MetricsSource;
  power: Power;
  now: () => number;
  /** The clock of the boot, in ms. */
  monotonicMs: () => number;
  /** Tells the people at their terminals. */
  warn: (text: string) => void;
  /** A sentence that says how to keep a machine that nobody uses. */
  keepHint: string;
}

/**
 * Ends the machine at its deadline, or when nobody is there, after a warning. A power-off needs to be due in two looks
 * a tick apart: a clock that jumps for a moment switches nothing off. Since when it has been due is kept over a restart, or
 * an agent that is killed again and again would never come to act.
 */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { lease, activity, metrics, power, now, monotonicMs } = options;
  return {
    tick() {
      const { config } = lease.read();
      activity.observe(config);
      metrics.sample();
      const { act, next } = activity.decide(config);
      tellOfEnd(options, act, next);
      const isDue = act === 'power-off' && next !== null;
      const dueSinceMs = isDue ? (activity.notes.dueSinceMs ?? monotonicMs()) : null;
      const isDueLongEnough = dueSinceMs !== null && monotonicMs() - dueSinceMs >= tickMs - leewayMs;
      activity.notes.dueSinceMs = dueSinceMs;
      // What a caller planned for later must not put off the end of the lease.
      const isPlanned = power.planned !== null && power.planned.atMs <= now();
      if (isDue && isDueLongEnough && !isPlanned) power.end(now(), next.why);
      activity.save();
      power.tick(now(), config.preDownSeconds);
    },
  };
}

/** Warns of an end once, also when the agent was restarted meanwhile. */
function tellOfEnd(
  { activity, now, monotonicMs, warn, keepHint }: LifecycleOptions,
  act: PowerDecision['act'],
  next: PowerDecision['next'],
): void {
  const { notes } = activity;
  if (act === 'none') notes.warnedOfMs = null;
  if (act !== 'warn' || next === null) return;
  const leftMs = Math.max(0, next.atMs - now());
  const endsAtMs = monotonicMs() + leftMs;
  // The end of use moves by itself a little: it hangs on two clocks, one of which is adjusted now and then.
  const isNews = notes.warnedOfMs === null || Math.abs(endsAtMs - notes.warnedOfMs) >= tickMs;
  notes.warnedOfMs = endsAtMs;
  if (isNews) warn(warningText(leftMs, next.why, next.why === idleReason ? keepHint : null));
}

function warningText(leftMs: number, why: string, hint: string | null): string {
  const minutes = Math.floor(leftMs / 60_000);
  const left = minutes >= 2 ? `${minutes} minutes` : `${Math.ceil(leftMs / 1_000)} seconds`;
  return `this machine powers off in ${left}: ${why}.${hint === null ? '' : ` ${hint}`}`;
}
