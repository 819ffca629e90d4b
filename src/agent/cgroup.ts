import { join } from 'node:path';
import type { MachinePaths } from './machine-paths.ts';
import { readText } from './read-file.ts';

/**
 * What the machine as a whole has used, from the root of its control groups (Linux's cgroup-v2.rst). On a virtual machine
 * that is the kernel's own count. In a container it is the container's share, while /proc shows the host's.
 */
export interface MachineUsage {
  /** CPU time since boot; null when the kernel doesn't say. */
  cpuMicroseconds: number | null;
  /** How many cores it may use; null: as many as there are. */
  cpuLimitCores: number | null;
  /** null on a virtual machine with unified control groups, where /proc says it all. */
  memory: { limitBytes: number | null; usedBytes: number } | null;
}

export function readMachineUsage(paths: MachinePaths): MachineUsage {
  const read = (name: string) => readText(join(paths.cgroup, name));
  // Version 1 is what containers on older hosts still see. It counts nanoseconds.
  const micros = /^usage_usec (\d+)$/m.exec(read('cpu.stat') ?? '')?.[1];
  const nanos = read('cpuacct/cpuacct.usage');
  const [quota, period] = (
    read('cpu.max') ?? `${read('cpu/cpu.cfs_quota_us')} ${read('cpu/cpu.cfs_period_us')}`
  ).split(/\s+/);
  const cores = Number(quota) / Number(period);
  return {
    cpuMicroseconds: toNumber(micros) ?? toNumber(nanos, 1e-3),
    cpuLimitCores: cores > 0 && Number.isFinite(cores) ? cores : null,
    memory: readMemory(read),
  };
}

function readMemory(read: (name: string) => string | null): MachineUsage['memory'] {
  const usedBytes = toNumber(read('memory.current')) ?? toNumber(read('memory/memory.usage_in_bytes'));
  if (usedBytes === null) return null;
  const limitBytes = toNumber(read('memory.max')) ?? toNumber(read('memory/memory.limit_in_bytes'));
  // File pages that nobody has touched lately are given back when they are needed.
  const stat = read('memory.stat') ?? read('memory/memory.stat') ?? '';
  const reclaimable = Number(/^(?:total_)?inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0);
  return { limitBytes, usedBytes: Math.max(0, usedBytes - reclaimable) };
}

function toNumber(text: string | null | undefined, factor = 1): number | null {
  const value = Number(text?.trim() || 'none');
  return Number.isFinite(value) ? value * factor : null;
}
