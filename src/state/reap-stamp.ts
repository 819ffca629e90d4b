import { closeSync, lstatSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../domain/errors.ts';
import { makePrivateDirectory } from '../lib/atomic-file.ts';

const periodMs = 60_000;
const stampName = /^reap-\d{1,12}$/;

/** Whether a reaper may have been started less than a minute ago. Two system calls: every command asks. */
export function wasReapedLately(run: string, nowMs: number): boolean {
  const period = Math.floor(nowMs / periodMs);
  return [period, period - 1].some((nth) => {
    const stamp = lstatSync(join(run, `reap-${nth}`), { throwIfNoEntry: false });
    return stamp !== undefined && (nth === period || nowMs - stamp.mtimeMs < periodMs);
  });
}

/**
 * Takes the right to start a reaper, which one process a minute gets: each minute has a file of its own, and one of those who
 * would make it does.
 */
export function takeReapStamp(run: string, nowMs: number): boolean {
  if (wasReapedLately(run, nowMs)) return false;
  makePrivateDirectory(run);
  const name = `reap-${Math.floor(nowMs / periodMs)}`;
  try {
    closeSync(openSync(join(run, name), 'wx', 0o600));
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
  for (const other of readdirSync(run)) {
    if (stampName.test(other) && other !== name) rmSync(join(run, other), { force: true });
  }
  return true;
}
