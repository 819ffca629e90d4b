import { join } from 'node:path';
import type { MachinePaths } from './machine-paths.ts';
import { parseProcessStat, parseStat, ticksPerSecond } from './proc-files.ts';
import { readText } from './read-file.ts';

/**
 * When the machine began, in ms since the epoch; null when /proc doesn't say. That is the start of process 1: in a
 * container it is younger than the kernel, on a virtual machine a moment after it.
 */
export function readBootMs(paths: MachinePaths): number | null {
  const { bootedAtSeconds } = parseStat(readText(join(paths.proc, 'stat')) ?? '');
  const first = parseProcessStat(readText(join(paths.proc, '1/stat')) ?? '');
  if (bootedAtSeconds === null || first === null) return null;
  return Math.round((bootedAtSeconds + first.startedAtTicks / ticksPerSecond) * 1_000);
}
