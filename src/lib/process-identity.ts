import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemErrorCode } from '../domain/errors.ts';
import type { ProcessIdentity } from '../domain/state.ts';

/** `unknown`: a process of another machine, or of a container whose processes can't be seen from here. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** Tells processes apart, also from later ones that got the same number. */
export interface ProcessTable {
  /** Of the calling process. */
  self(): ProcessIdentity;
  liveness(identity: ProcessIdentity): Liveness;
  /** The program's name and first arguments, for messages; null when it is gone or can't be seen. */
  describe(pid: number): string | null;
}

/** The table of this system: /proc on Linux (no process is started), `ps` elsewhere. */
export async function loadProcessTable(): Promise<ProcessTable> {
  if (process.platform === 'linux') return procTable;
  const { readProcessOutput } = await import('./process.ts');
  return makePsTable(readProcessOutput);
}

/**
 * Reads /proc. A process is its start time in clock ticks after boot (field 22 of /proc/PID/stat) within a boot (boot_id)
 * and a PID namespace, without which numbers of two containers would be taken for each other.
 * @see proc(5), pid_namespaces(7)
 */
export const procTable: ProcessTable = {
  self: () => {
    const startedAt = readStat(process.pid)?.startedAt ?? 'unknown';
    return { host: hostname(), bootId: readBootId(), pid: process.pid, startedAt };
  },
  liveness: (identity) => {
    const bootId = readBootId();
    if (identity.bootId === bootId) {
      const stat = readStat(identity.pid);
      return stat?.isRunning && stat.startedAt === identity.startedAt ? 'alive' : 'dead';
    }
    const isSameBoot = identity.bootId.split('/')[0] === bootId.split('/')[0];
    // The same host, booted anew since: nothing of before is alive.
    return identity.host === hostname() && !isSameBoot ? 'dead' : 'unknown';
  },
  describe: (pid) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return summarize(argv.filter((argument) => argument !== ''));
    } catch {
      return null;
    }
  },
};

function readBootId(): string {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${bootId}/${readlinkSync('/proc/self/ns/pid')}`;
}

function readStat(pid: number): { isRunning: boolean; startedAt: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, and may hold any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended: only its parent has not looked yet.
    return { isRunning: !['Z', 'X', 'x'].includes(fields[0] ?? ''), startedAt: fields[19] ?? '' };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(systemErrorCode(error) ?? '')) return null;
    throw error;
  }
}

/**
 * Asks `ps` for the moment a process started (`lstart`, in seconds, UTC). Being a moment, it also tells boots apart.
 * @param read runs a program and gives what it prints, or null when it fails
 */
export function makePsTable(
  read: (argv: readonly string[], env: Record<string, string>) => string | null,
): ProcessTable {
  const ask = (pid: number, field: string): string | null => {
    const output = read(['ps', '-o', `${field}=`, '-p', String(pid)], { LC_ALL: 'C', TZ: 'UTC' })?.trim();
    return output === undefined || output === '' ? null : output;
  };
  return {
    self: () => ({
      host: hostname(),
      bootId: process.platform,
      pid: process.pid,
      startedAt: ask(process.pid, 'lstart') ?? 'unknown',
    }),
    liveness: (identity) => {
      if (identity.bootId !== process.platform || identity.host !== hostname()) return 'unknown';
      const isZombie = ask(identity.pid, 'stat')?.startsWith('Z') ?? true;
      return !isZombie && ask(identity.pid, 'lstart') === identity.startedAt ? 'alive' : 'dead';
    },
    describe: (pid) => {
      const command = ask(pid, 'command');
      return command === null ? null : summarize(command.split(/\s+/));
    },
  };
}

/** `spuff up demo`: the program's own name, what `node` runs instead of `node`, and two arguments at most. */
function summarize(argv: readonly string[]): string | null {
  const names = argv.map((argument) => argument.slice(argument.lastIndexOf('/') + 1));
  const isNode = /^node(?:js)?$/.test(names[0] ?? '') || names[0] === 'MainThread';
  const script = isNode ? names.findIndex((name, index) => index > 0 && !name.startsWith('-')) : 0;
  const shown = names.slice(Math.max(0, script), Math.max(0, script) + 3).join(' ');
  return shown === '' ? null : shown.slice(0, 60);
}
