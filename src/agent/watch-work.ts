import { join } from 'node:path';
import type { IdleThresholds } from '../domain/agent-config.ts';
import { readMachineUsage } from './cgroup.ts';
import { type Counted, countWork, type Work } from './count-work.ts';
import { atLevel, type Level, shortestSampleMs } from './level.ts';
import type { MachinePaths } from './machine-paths.ts';
import { parseLoad, parseStat, ticksPerSecond } from './proc-files.ts';
import type { ProcessKind } from './process-kind.ts';
import { readText } from './read-file.ts';
import type { ProcessScan } from './scan-processes.ts';

/** Each in cores. */
export interface WorkLevels {
  /** All that is not the system's own. */
  cpu: Level;
  /** What the user has started. */
  processes: Level;
  containers: Level;
}

export interface WorkWatch {
  sample(scan: ProcessScan, thresholds: IdleThresholds): void;
  readonly levels: WorkLevels;
  /** Of the whole machine, the system's own too. */
  readonly machineCores: number | null;
  /** What the user's processes were that did most of it. */
  readonly top: readonly { pid: number; name: string; cores: number }[];
  readonly containerCount: number;
  save(): SavedWork;
}

interface Sample {
  atMs: number;
  /** CPU time of the machine; null where the kernel doesn't count it. */
  micros: number | null;
  processes: ReadonlyMap<number, Counted>;
}

export interface SavedWork {
  lastBusyAtMs: Record<keyof WorkLevels, number | null>;
  before: (Omit<Sample, 'processes'> & { processes: Counted[] }) | null;
}

/** Ten percent of every core: far above what editors do by themselves, far below a build. */
const busyShare = 0.1;

/** On many cores that would be more than one program with one thread can use, so this much is always work. */
const alwaysBusyCores = 0.5;

const shownProcesses = 3;

/** @param clockMs a clock that never goes back, and goes on over a restart of the agent */
export function createWorkWatch(
  paths: MachinePaths,
  clockMs: () => number,
  saved: SavedWork | null,
): WorkWatch {
  const usualBusyCores = readUsualBusyCores(paths);
  let before = readSample(saved);
  let machineCores: number | null = null;
  let top: WorkWatch['top'] = [];
  let containerCount = 0;
  const start = (name: keyof WorkLevels, busyFrom: number): Level => ({
    ...{ value: null, busyFrom, lastBusyAtMs: saved?.lastBusyAtMs[name] ?? null },
  });
  let levels: WorkLevels = {
    cpu: start('cpu', usualBusyCores),
    processes: start('processes', 0),
    containers: start('containers', 0),
  };
  return {
    sample(scan, { cpuCores, processCores, containerCores }) {
      const atMs = clockMs();
      if (before !== null && atMs - before.atMs < shortestSampleMs) return;
      const now = { atMs, micros: readMachineUsage(paths).cpuMicroseconds, processes: scan };
      const rates = before === null ? null : rateBetween(before, now);
      const load = now.micros === null ? parseLoad(readText(join(paths.proc, 'loadavg')) ?? '').one : null;
      machineCores = load ?? rates?.machineCores ?? null;
      const cpu = machineCores === null ? null : Math.max(0, machineCores - (rates?.coresOf('system') ?? 0));
      levels = {
        cpu: atLevel(levels.cpu, cpu, cpuCores ?? usualBusyCores, atMs),
        processes: atLevel(levels.processes, rates?.coresOf('user') ?? null, processCores, atMs),
        containers: atLevel(levels.containers, rates?.coresOf('container') ?? null, containerCores, atMs),
      };
      top = rates === null ? [] : rates.top(scan);
      containerCount = countContainers(scan);
      before = now;
    },
    get levels() {
      return levels;
    },
    get machineCores() {
      return machineCores;
    },
    get top() {
      return top;
    },
    get containerCount() {
      return containerCount;
    },
    save: () => ({
      before: before && { ...before, processes: listWorkers(before.processes) },
      lastBusyAtMs: {
        cpu: levels.cpu.lastBusyAtMs,
        processes: levels.processes.lastBusyAtMs,
        containers: levels.containers.lastBusyAtMs,
      },
    }),
  };
}

function readUsualBusyCores(paths: MachinePaths): number {
  const { cores } = parseStat(readText(join(paths.proc, 'stat')) ?? '');
  const usable = Math.min(cores, readMachineUsage(paths).cpuLimitCores ?? cores);
  return Math.min(busyShare * usable, alwaysBusyCores);
}

function readSample(saved: SavedWork | null): Sample | null {
  if (saved === null || saved.before === null) return null;
  return { ...saved.before, processes: new Map(saved.before.processes.map((one) => [one.pid, one])) };
}

/** What has used nothing yet needs no writing down: a process that is new counts from its beginning. */
function listWorkers(processes: ReadonlyMap<number, Counted>): Counted[] {
  return [...processes.values()]
    .filter(({ cpuTicks, childTicks }) => cpuTicks + childTicks > 0)
    .map(({ pid, parentPid, startedAtTicks, cpuTicks, childTicks, kind }) => ({
      ...{ pid, parentPid, startedAtTicks, cpuTicks, childTicks, kind },
    }));
}

/** Top processes of containers, by the process that has no other one of a container above it. */
function countContainers(scan: ProcessScan): number {
  let containers = 0;
  for (const { kind, parentPid } of scan.values())
    if (kind === 'container' && scan.get(parentPid)?.kind !== 'container') containers++;
  return containers;
}

function rateBetween(before: Sample, now: Sample) {
  const ms = now.atMs - before.atMs;
  const work = countWork(before.processes, now.processes);
  const toCores = (ticks: number) => (ticks * 1_000) / ticksPerSecond / ms;
  const passedMicros = now.micros === null || before.micros === null ? null : now.micros - before.micros;
  return {
    machineCores: passedMicros === null ? null : Math.max(0, passedMicros / 1_000 / ms),
    coresOf: (kind: ProcessKind) => toCores(sum(work.filter((one) => one.kind === kind))),
    top: (scan: ProcessScan) =>
      sumByPid(work.filter(({ kind }) => kind === 'user'))
        .sort((a, b) => b.ticks - a.ticks)
        .slice(0, shownProcesses)
        .map(({ pid, ticks }) => ({ pid, name: scan.get(pid)?.name ?? '?', cores: toCores(ticks) })),
  };
}

function sum(work: readonly Work[]): number {
  return work.reduce((total, { ticks }) => total + ticks, 0);
}

function sumByPid(work: readonly Work[]): { pid: number; ticks: number }[] {
  const byPid = new Map<number, number>();
  for (const { pid, ticks } of work) byPid.set(pid, (byPid.get(pid) ?? 0) + ticks);
  return [...byPid].map(([pid, ticks]) => ({ pid, ticks }));
}
