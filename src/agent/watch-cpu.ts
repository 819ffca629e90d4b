import { join } from 'node:path';
import { readMachineUsage } from './cgroup.ts';
import type { MachinePaths } from './machine-paths.ts';
import { parseLoad, parseStat } from './proc-files.ts';
import { readText } from './read-file.ts';

export interface CpuWatch {
  /** Takes a sample; the work since the one before decides whether the machine is busy. */
  sample(): void;
  readonly usedCores: number | null;
  readonly busyFromCores: number;
  /** On the monotonic clock. */
  readonly lastBusyAtMs: number | null;
}

/** Ten percent of every core: far above systemd, sshd and this agent, far below a build. */
const busyShare = 0.1;

/** On many cores that would be more than one program with one thread can use, so this much is always work. */
const alwaysBusyCores = 0.5;

/** Samples closer together than this say little. */
const shortestMs = 5_000;

/** @param monotonicMs a clock that never goes back */
export function createCpuWatch(paths: MachinePaths, monotonicMs: () => number): CpuWatch {
  const { cores } = parseStat(readText(join(paths.proc, 'stat')) ?? '');
  const usable = Math.min(cores, readMachineUsage(paths).cpuLimitCores ?? cores);
  const busyFromCores = Math.min(busyShare * usable, alwaysBusyCores);
  let before: { atMs: number; micros: number } | null = null;
  let usedCores: number | null = null;
  let lastBusyAtMs: number | null = null;
  return {
    sample() {
      const atMs = monotonicMs();
      if (before !== null && atMs - before.atMs < shortestMs) return;
      const micros = readMachineUsage(paths).cpuMicroseconds;
      if (micros === null) usedCores = parseLoad(readText(join(paths.proc, 'loadavg')) ?? '').one;
      else usedCores = before === null ? null : (micros - before.micros) / 1_000 / (atMs - before.atMs);
      before = micros === null ? null : { atMs, micros };
      if (usedCores !== null && usedCores >= busyFromCores) lastBusyAtMs = atMs;
    },
    get usedCores() {
      return usedCores;
    },
    busyFromCores,
    get lastBusyAtMs() {
      return lastBusyAtMs;
    },
  };
}
