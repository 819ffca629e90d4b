import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { MachinePaths } from './machine-paths.ts';
import { type ProcessStat, pseudoTerminal } from './proc-files.ts';
import { createOwnerLookup, createStartLookup } from './process-list.ts';

/** A terminal that a person's processes hold. */
export interface TerminalSession {
  /** Tells it from a later one on the same terminal; setting the clock does not change it. */
  id: string;
  /** Such as `pts/0`. */
  terminal: string;
  user: string;
  startedAtMs: number | null;
  /** When a key was last pressed there: the kernel writes it down to within 8 seconds, as the access time. */
  lastInputAtMs: number | null;
}

/**
 * The open pseudo-terminals, found from the processes that have one as their controlling terminal. That works without
 * utmp, which small images don't have and Debian 13 no longer writes.
 */
export function listSessions(
  paths: MachinePaths,
  processes: ReadonlyMap<number, ProcessStat>,
): TerminalSession[] {
  const ownerOf = createOwnerLookup(paths);
  const startOf = createStartLookup(paths);
  const sessions = new Map<string, TerminalSession>();
  for (const stat of processes.values()) {
    const terminal = stat.terminal === 0 ? null : pseudoTerminal(stat.terminal);
    if (terminal === null) continue;
    const startedAtMs = startOf(stat);
    const known = sessions.get(terminal);
    const leads = stat.pid === stat.session;
    if (known && !leads) continue;
    const user = ownerOf(stat.pid);
    if (user === null) continue;
    const id = `${terminal} ${stat.pid} ${stat.startedAtTicks}`;
    const lastInputAtMs = readLastInputMs(paths, terminal);
    sessions.set(terminal, { id, terminal, user, startedAtMs, lastInputAtMs });
  }
  return [...sessions.values()].sort((a, b) => a.terminal.localeCompare(b.terminal, 'en', { numeric: true }));
}

function readLastInputMs(paths: MachinePaths, terminal: string): number | null {
  try {
    return Math.round(statSync(join(paths.dev, terminal)).atimeMs);
  } catch {
    return null;
  }
}
