import { setTimeout as delay } from 'node:timers/promises';
import type { Runtime } from '../domain/provider.ts';

/** The real clock and real chance. */
export const systemRuntime: Runtime = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal });
  },
  random: () => Math.random(),
};
