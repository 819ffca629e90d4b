import { readFileSync, statSync } from 'node:fs';
import { escapeText } from '../lib/escape.ts';
import { procTable } from '../lib/process-identity.ts';

/**
 * The processes, other than this one, that hold a lock on a SQLite file, its `-wal` or its `-shm`: each process that has it
 * open in WAL mode holds one. Empty where the system does not tell (/proc/locks is Linux's).
 * @param exclusiveOnly only locks that keep others out
 * @see proc_locks(5)
 */
export function findLockHolders(path: string, exclusiveOnly = false): number[] {
  const inodes = new Set<string>();
  for (const file of [path, `${path}-shm`]) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat) inodes.add(String(stat.ino));
  }
  const pids = new Set<number>();
  for (const line of readLocks()) {
    // 1: POSIX  ADVISORY  WRITE 10414 fe:00:2187893 120 120
    const [, , , mode, pid, place] = line.split(/\s+/);
    const inode = place?.split(':').at(-1);
    if (inode !== undefined && inodes.has(inode) && (!exclusiveOnly || mode === 'WRITE'))
      pids.add(Number(pid));
  }
  pids.delete(process.pid);
  // A process of a PID namespace that can't be seen from here has the number 0 or -1.
  return [...pids].filter((pid) => pid > 0);
}

/** For a message: `process 4711 (spuff up demo)`. */
export function describeHolders(path: string): string[] {
  const exclusive = findLockHolders(path, true);
  const pids = exclusive.length > 0 ? exclusive : findLockHolders(path);
  return pids.map((pid) => {
    const name = procTable.describe(pid);
    return name === null ? `process ${pid}` : `process ${pid} (${escapeText(name, { singleLine: true })})`;
  });
}

function readLocks(): string[] {
  try {
    return readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
