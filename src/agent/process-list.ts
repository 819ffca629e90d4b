import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { escapeText } from '../lib/escape.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import type { MachinePaths } from './machine-paths.ts';
import { type ProcessStat, parseProcessStat, parseStat, parseUsers, ticksPerSecond } from './proc-files.ts';
import { readStart, readText } from './read-file.ts';
import { redactArguments } from './redact.ts';

/** Most characters of a command line that are shown. */
const commandCharacters = 512;

/** How long the CPU shares are measured for. */
const sampleMs = 200;

type Listed = AgentResponse<'processes'>['processes'][number];

/** The processes that use most, measured over a fifth of a second. Those that end meanwhile are left out. */
export async function listProcesses(
  paths: MachinePaths,
  options: { sort: 'cpu' | 'memory'; limit: number },
): Promise<AgentResponse<'processes'>> {
  const before = readProcesses(paths);
  const startedAt = performance.now();
  await delay(sampleMs);
  const after = readProcesses(paths);
  const seconds = (performance.now() - startedAt) / 1_000;
  const shares = new Map<number, number>();
  for (const [pid, stat] of after) {
    const earlier = before.get(pid);
    const same = earlier?.startedAtTicks === stat.startedAtTicks;
    shares.set(pid, same ? (stat.cpuTicks - earlier.cpuTicks) / ticksPerSecond / seconds : 0);
  }
  const weight = (stat: ProcessStat) =>
    options.sort === 'memory' ? stat.residentBytes : (shares.get(stat.pid) ?? 0);
  const top = [...after.values()]
    .sort((a, b) => weight(b) - weight(a) || b.residentBytes - a.residentBytes || a.pid - b.pid)
    .slice(0, options.limit);
  const describe = createDescriber(paths);
  const processes: Listed[] = [];
  for (const stat of top) {
    processes.push(describe(stat, shares.get(stat.pid) ?? 0));
    // A command line may be made to be slow to search: others are served in between.
    await nextTurn();
  }
  return {
    sampledAt: new Date().toISOString(),
    sampleSeconds: Math.round(seconds * 100) / 100,
    total: after.size,
    processes,
  };
}

/** Every process at this moment. */
export function readProcesses(paths: MachinePaths): Map<number, ProcessStat> {
  const processes = new Map<number, ProcessStat>();
  for (const entry of readdirSync(paths.proc)) {
    if (!/^\d+$/.test(entry)) continue;
    const text = readText(join(paths.proc, entry, 'stat'));
    const stat = text === null ? null : parseProcessStat(text);
    if (stat) processes.set(stat.pid, stat);
  }
  return processes;
}

/** Gives a function that names the owner of a process. */
export function createOwnerLookup(paths: MachinePaths): (pid: number) => string | null {
  const users = parseUsers(readText(paths.passwd) ?? '');
  return (pid) => {
    try {
      const { uid } = statSync(join(paths.proc, String(pid)));
      return users.get(uid) ?? String(uid);
    } catch {
      return null;
    }
  };
}

/** When a process began, in ms since the epoch; null when /proc doesn't say when the machine booted. */
export function createStartLookup(paths: MachinePaths): (stat: ProcessStat) => number | null {
  const { bootedAtSeconds } = parseStat(readText(join(paths.proc, 'stat')) ?? '');
  return (stat) =>
    bootedAtSeconds === null
      ? null
      : Math.round((bootedAtSeconds + stat.startedAtTicks / ticksPerSecond) * 1_000);
}

function createDescriber(paths: MachinePaths): (stat: ProcessStat, share: number) => Listed {
  const ownerOf = createOwnerLookup(paths);
  const startOf = createStartLookup(paths);
  return (stat, share) => {
    const startedAtMs = startOf(stat);
    return {
      pid: stat.pid,
      parentPid: stat.parentPid,
      user: escapeText(ownerOf(stat.pid) ?? '?', { singleLine: true }),
      state: stat.state,
      name: escapeText(stat.name, { singleLine: true }),
      command: readCommand(paths, stat),
      cpuShare: Math.round(share * 1e3) / 1e3,
      cpuSeconds: stat.cpuTicks / ticksPerSecond,
      residentBytes: stat.residentBytes,
      startedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
    };
  };
}

function readCommand(paths: MachinePaths, stat: ProcessStat): string {
  const bytes = readStart(join(paths.proc, String(stat.pid), 'cmdline'), 1_024);
  const argv = bytes.toString('utf8').replace(/\0+$/, '').split('\0');
  // Kernel threads have no arguments; brackets are how ps shows that.
  const text = bytes.length === 0 ? `[${stat.name}]` : redactArguments(argv).join(' ');
  const shown = escapeText(text, { singleLine: true });
  return shown.length > commandCharacters ? `${shown.slice(0, commandCharacters - 1)}…` : shown;
}
