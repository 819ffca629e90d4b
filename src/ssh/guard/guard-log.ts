/** The guard's log: one line of JSON for each decision, in the file before its consequence. */
import { close, constants, fdatasync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GuardRecord } from '../../domain/guard.ts';
import { checkPrivateFile, makePrivateDirectory, toFileError } from '../../lib/atomic-file.ts';

/** Then it becomes `<path>.1`, and that one is gone: a machine that asks and asks fills no disk. */
const maxBytes = 8 * 1024 * 1024;

export function guardLogPath(home: string): string {
  return join(home, 'log', 'guard.ndjson');
}

/**
 * Appends one record, as one write of O_APPEND: lines of several processes don't mix. It is in the file when this returns,
 * whatever becomes of the process. The disk has it a moment later: waiting for that would cost each signature several
 * milliseconds, and what a machine does can't take this computer's power away in between.
 * @throws SpuffError `state` | `permission` when it can't be written down: then nothing may be signed either
 */
export function appendGuardRecord(home: string, record: GuardRecord): void {
  const path = guardLogPath(home);
  try {
    makePrivateDirectory(dirname(path));
    if ((checkPrivateFile(path)?.size ?? 0) > maxBytes) renameSync(path, `${path}.1`);
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
    const fd = openSync(path, flags, 0o600);
    const letGo = () => close(fd, () => undefined);
    try {
      writeSync(fd, `${JSON.stringify(record)}\n`);
    } catch (error) {
      letGo();
      throw error;
    }
    fdatasync(fd, letGo);
  } catch (error) {
    throw toFileError(error, `write ${path}`);
  }
}
