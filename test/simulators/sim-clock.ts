import { setImmediate } from 'node:timers/promises';
import type { Runtime } from '../../src/domain/provider.ts';

/** One time for a provider and the simulated cloud under it: it goes on by itself, and a sleep skips what it would have taken. */
export interface SimClock extends Runtime {
  /** Lets so much time pass at once. */
  advance(ms: number): void;
  /** How long the sleepers have slept, each sleep in ms, in order. */
  readonly sleeps: number[];
}

/** @param speed how much faster than the world it goes on by itself: for a cloud whose client lives in the world's time */
export function createSimClock(speed = 1): SimClock {
  const startedMs = Date.now();
  let skippedMs = 0;
  const sleeps: number[] = [];
  return {
    sleeps,
    // Whole milliseconds, as a real clock gives them: sleeps may be of fractions.
    now: () => startedMs + Math.floor((Date.now() - startedMs) * speed + skippedMs),
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      sleeps.push(ms);
      await setImmediate(undefined, { signal });
      skippedMs += ms;
    },
    random: () => 0.5,
    advance: (ms) => {
      skippedMs += ms;
    },
  };
}
