import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { withFileLock } from './file-lock.ts';
import { describeHolders } from './lock-holders.ts';
import { draftState, finishSwap, keepAside, swapState } from './replace-state.ts';
import { openDatabase } from './state-database.ts';
import { DamagedStateError, toStateError } from './state-errors.ts';
import { openStateStore } from './state-store.ts';

/**
 * Reads the whole state and every instance in it.
 * @returns null when it is sound or there is none, else the damage
 * @throws SpuffError when it can't be looked at: locked, of a newer spuff, not ours
 */
export function checkState(path: string): DamagedStateError | null {
  try {
    const db = openDatabase({ path, readOnly: true, busyTimeoutMs: 10_000 });
    try {
      const finding = String(db.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check']);
      if (finding !== 'ok') return new DamagedStateError(path, finding);
    } finally {
      db.close();
    }
    listNames(path);
    return null;
  } catch (error) {
    const known = toStateError(error, path);
    if (known instanceof DamagedStateError) return known;
    throw known;
  }
}

export interface RecoveredState {
  /** Where the damaged file lies now; null when it was sound and nothing was done. */
  keptAs: string | null;
  /** The names of the instances that could still be read, and are in the new state. */
  saved: readonly string[];
}

/**
 * Starts anew when the state is damaged, and only then: the damaged file is kept beside the new one as
 * `state.db.corrupt-<time>`, and what can still be read of instances and their journal is taken over. What is not read can
 * be found again by the labels at the provider. Killed at any point it leaves either the old state or the new one, and the
 * next run of it ends what this one began.
 * @throws SpuffError `conflict` while another process has the state open; `state` when there is no room for a new one: then
 * nothing was changed
 */
export function recoverState(path: string, nowMs = Date.now()): RecoveredState {
  return withFileLock(path, () => {
    try {
      if (finishSwap(path)) return { keptAs: newestKept(path), saved: listNames(path) };
      if (checkState(path) === null) return { keptAs: null, saved: [] };
      refuseWhileInUse(path);
      const { instances } = draftState(path);
      const time = new Date(nowMs).toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
      const keptAs = keepAside(path, `${path}.corrupt-${time}`);
      refuseWhileInUse(path);
      swapState(path);
      return { keptAs, saved: instances.map(({ name }) => name) };
    } catch (error) {
      throw toStateError(error, path);
    }
  });
}

function refuseWhileInUse(path: string): void {
  const holders = describeHolders(path);
  if (holders.length === 0) return;
  throw new SpuffError('conflict', `${path} is in use by ${holders.join(', ')}`, {
    hints: ['end that first, then run the command again'],
  });
}

/** The times in the names are in the order of the alphabet. */
function newestKept(path: string): string | null {
  const prefix = `${basename(path)}.corrupt-`;
  const kept = readdirSync(dirname(path)).filter((name) => name.startsWith(prefix) && !name.endsWith('-wal'));
  const newest = kept.sort().at(-1);
  return newest === undefined ? null : join(dirname(path), newest);
}

function listNames(path: string): string[] {
  const store = openStateStore({ path, readOnly: true });
  try {
    return store.listInstances().map(({ name }) => name);
  } finally {
    store.close();
  }
}
