import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { MachinePaths } from './machine-paths.ts';
import type { ProcessStat } from './proc-files.ts';
import { classifyProcess, type ProcessKind } from './process-kind.ts';
import { readProcesses } from './process-list.ts';
import { readStart, readText } from './read-file.ts';

export interface ScannedProcess extends ProcessStat {
  kind: ProcessKind;
}

export type ProcessScan = ReadonlyMap<number, ScannedProcess>;

interface Known {
  startedAtTicks: number;
  kind: ProcessKind;
  looks: number;
}

/** A young process may still become another user's, or be moved into a container: it is looked at this often. */
const looksUntilSettled = 3;

/** Gives a function that reads all processes and says whose each is. What is long there costs one file a time. */
export function createProcessScanner(paths: MachinePaths): () => ProcessScan {
  let known = new Map<number, Known>();
  return () => {
    const stats = readProcesses(paths);
    const kept = new Map<number, Known>();
    const stripRoot = createRootStripper(paths);
    const kindOf = (pid: number): ProcessKind | null => {
      const stat = stats.get(pid);
      if (stat === undefined) return null;
      const done = kept.get(pid);
      if (done !== undefined) return done.kind;
      const before = known.get(pid);
      const isSame = before !== undefined && before.startedAtTicks === stat.startedAtTicks;
      const looks = isSame ? before.looks + 1 : 1;
      // Entered before the parent is asked for: what /proc says may go in a circle when it changes meanwhile.
      const entry: Known = { startedAtTicks: stat.startedAtTicks, kind: 'other', looks };
      kept.set(pid, entry);
      entry.kind =
        isSame && before.looks >= looksUntilSettled
          ? before.kind
          : classify(paths, stat, { stripRoot, parentKind: kindOf(stat.parentPid) });
      return entry.kind;
    };
    const scan = stats as Map<number, ScannedProcess>;
    for (const [pid, process] of scan) process.kind = kindOf(pid) ?? 'other';
    known = kept;
    return scan;
  };
}

function classify(
  paths: MachinePaths,
  stat: ProcessStat,
  { stripRoot, parentKind }: { stripRoot: (cgroup: string) => string; parentKind: ProcessKind | null },
): ProcessKind {
  const folder = join(paths.proc, String(stat.pid));
  return classifyProcess({
    stat,
    userId: ownerOf(folder),
    cgroup: stripRoot(readText(join(folder, 'cgroup')) ?? ''),
    command: readStart(join(folder, 'cmdline'), 512).toString('utf8').replaceAll('\0', ' '),
    parentKind,
  });
}

function ownerOf(folder: string): number | null {
  try {
    return statSync(folder).uid;
  } catch {
    return null;
  }
}

/** A machine that is a container itself has all its processes in that container's group, unless the engine hides it. */
function createRootStripper(paths: MachinePaths): (cgroup: string) => string {
  const roots = new Set<string>();
  for (const line of (readText(join(paths.proc, '1/cgroup')) ?? '').split('\n')) {
    const path = line
      .split(':')
      .slice(2)
      .join(':')
      .replace(/\/init\.scope$/, '');
    if (path.length > 1) roots.add(path);
  }
  return (cgroup) => {
    let rest = cgroup;
    for (const root of roots) rest = rest.replaceAll(root, '');
    return rest;
  };
}
