import { join } from 'node:path';
import type { MachinePaths } from './machine-paths.ts';
import { readText } from './read-file.ts';

/**
 * The time since the kernel has started, in ms, also while the machine was suspended (CLOCK_BOOTTIME). Nobody can set it, and
 * it goes on over a restart of the agent, so what one agent has dated the next one can read. Not the clock that Node has: that
 * one stands still in a suspend.
 */
export function createBootClock(paths: MachinePaths): () => number {
  let lastMs = 0;
  const startedAtMs = performance.now();
  return () => {
    const seconds = Number((readText(join(paths.proc, 'uptime')) ?? '').split(' ', 1)[0] || 'none');
    const ms = Number.isFinite(seconds) ? Math.round(seconds * 1_000) : performance.now() - startedAtMs;
    lastMs = Math.max(lastMs, ms);
    return lastMs;
  };
}
