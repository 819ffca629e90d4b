import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { escapeText } from '../lib/escape.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import { type MachineUsage, readMachineUsage } from './cgroup.ts';
import { deviceIdOf } from './device-id.ts';
import type { MachinePaths } from './machine-paths.ts';
import {
  type CpuTimes,
  type Memory,
  parseLoad,
  parseMemory,
  parseMounts,
  parseNetwork,
  parseStat,
} from './proc-files.ts';
import { readText } from './read-file.ts';

export interface MetricsSource {
  /** Takes the sample that the next answer's shares are measured from. Call it every few seconds. */
  sample(): void;
  /** Never starts a process: reads /proc and asks statfs. */
  read(): Promise<AgentResponse<'metrics'>>;
}

interface Sample {
  atMs: number;
  times: CpuTimes;
  usage: MachineUsage;
}

type Shares = Omit<AgentResponse<'metrics'>['cpu'], 'cores'>;

/** Shares over less than this jump about too much to be of use. */
const shortestSampleMs = 500;

/** @param monotonicMs a clock that never goes back */
export function createMetricsSource(paths: MachinePaths, monotonicMs: () => number): MetricsSource {
  const take = (): Sample => ({
    atMs: monotonicMs(),
    times: parseStat(readText(join(paths.proc, 'stat')) ?? ''),
    usage: readMachineUsage(paths),
  });
  let before = take();
  let shares = shareOf(before, before);
  const update = () => {
    const now = take();
    if (now.atMs - before.atMs < shortestSampleMs) return now;
    shares = shareOf(before, now);
    before = now;
    return now;
  };
  return {
    sample: update,
    async read() {
      const now = update();
      const network = readText(join(paths.proc, '1/net/dev'));
      return {
        sampledAt: new Date().toISOString(),
        cpu: { cores: coresOf(now), ...shares },
        load: parseLoad(readText(join(paths.proc, 'loadavg')) ?? ''),
        memory: limitMemory(parseMemory(readText(join(paths.proc, 'meminfo')) ?? ''), now.usage),
        disks: await readDisks(paths),
        network: network === null ? null : parseNetwork(network),
      };
    },
  };
}

function coresOf(sample: Sample): number {
  return Math.min(sample.times.cores, sample.usage.cpuLimitCores ?? Number.POSITIVE_INFINITY);
}

function limitMemory(machine: Memory, usage: MachineUsage): Memory {
  const limitBytes = usage.memory?.limitBytes ?? null;
  if (usage.memory === null || limitBytes === null || limitBytes >= machine.totalBytes) return machine;
  const availableBytes = Math.min(machine.availableBytes, Math.max(0, limitBytes - usage.memory.usedBytes));
  return { ...machine, totalBytes: limitBytes, availableBytes };
}

function shareOf(before: Sample, now: Sample): Shares {
  const total = now.times.totalTicks - before.times.totalTicks;
  if (total <= 0) return { usedShare: null, stolenShare: null, sampleSeconds: null };
  const share = (value: number) => Math.min(1, Math.max(0, Math.round(value * 1e4) / 1e4));
  const elapsedMs = now.atMs - before.atMs;
  const busy = (total - (now.times.idleTicks - before.times.idleTicks)) / total;
  return {
    usedShare: share(now.usage.memory === null ? busy : (ownCores(before, now, elapsedMs) ?? busy)),
    stolenShare: share((now.times.stolenTicks - before.times.stolenTicks) / total),
    sampleSeconds: Math.round(elapsedMs / 10) / 100,
  };
}

/** The share of its cores that a container used itself: /proc/stat counts the whole host. */
function ownCores(before: Sample, now: Sample, elapsedMs: number): number | null {
  const [from, to] = [before.usage.cpuMicroseconds, now.usage.cpuMicroseconds];
  return from === null || to === null ? null : (to - from) / 1_000 / elapsedMs / coresOf(now);
}

/**
 * One entry a file system that holds data: those on a device, and the root whatever it is. The list is the machine's
 * (of process 1), the numbers are asked for at the same path in the agent's own sandbox, which hides some paths: where
 * another file system answers there, the entry is left out.
 */
async function readDisks(paths: MachinePaths): Promise<AgentResponse<'metrics'>['disks']> {
  const disks: AgentResponse<'metrics'>['disks'] = [];
  const seen = new Set<string>();
  for (const { mount, device, type, deviceId } of parseMounts(
    readText(join(paths.proc, '1/mountinfo')) ?? '',
  )) {
    if (seen.has(deviceId) || !(mount === '/' || device.startsWith('/dev/'))) continue;
    // The root is never hidden, and a subvolume of btrfs shows another number than its mount.
    if (mount !== '/' && type !== 'btrfs' && deviceIdOf(mount) !== deviceId) continue;
    const numbers = await statfs(mount).catch(() => null);
    if (!numbers || numbers.blocks === 0) continue;
    seen.add(deviceId);
    disks.push({
      mount: escapeText(mount, { singleLine: true }),
      device: escapeText(device, { singleLine: true }),
      type,
      totalBytes: numbers.blocks * numbers.bsize,
      availableBytes: numbers.bavail * numbers.bsize,
      usedBytes: (numbers.blocks - numbers.bfree) * numbers.bsize,
    });
  }
  return disks;
}
