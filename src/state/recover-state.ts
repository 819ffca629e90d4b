import { lstatSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { syncDirectory, toFileError } from '../lib/atomic-file.ts';
import { withFileLock } from './file-lock.ts';
import { decodeInstance } from './instance-codec.ts';
import { describeHolders } from './lock-holders.ts';
import { databaseFiles, loadDatabaseClass, openDatabase } from './state-database.ts';
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
    const store = openStateStore({ path, readOnly: true });
    store.listInstances();
    store.close();
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
 * `state.db.corrupt-<time>`, and the instances that can still be read from it are taken over. What is not read can be
 * found again by the labels at the provider.
 * @throws SpuffError `conflict` while another process has the state open
 */
export function recoverState(path: string, nowMs = Date.now()): RecoveredState {
  return withFileLock(path, () => {
    if (checkState(path) === null) return { keptAs: null, saved: [] };
    const holders = describeHolders(path);
    if (holders.length > 0) {
      throw new SpuffError('conflict', `${path} is in use by ${holders.join(', ')}`, {
        hints: ['end that first, then run the command again'],
      });
    }
    const time = new Date(nowMs).toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
    const keptAs = `${path}.corrupt-${time}`;
    setAside(path, keptAs);
    const instances = readWhatIsLeft(keptAs);
    const store = openStateStore({ path });
    for (const instance of instances) store.insertInstance(instance);
    store.close();
    return { keptAs, saved: instances.map(({ name }) => name) };
  });
}

function setAside(path: string, keptAs: string): void {
  try {
    const kept = databaseFiles(keptAs);
    // The database first: without its log it would look whole, and what is only in the log would be lost unseen.
    for (const [index, file] of databaseFiles(path).entries()) {
      const target = kept[index];
      if (target && lstatSync(file, { throwIfNoEntry: false })) renameSync(file, target);
    }
    syncDirectory(dirname(path));
  } catch (error) {
    throw toFileError(error, `keep ${path} aside`);
  }
}

/** The instances in a damaged database, from its beginning to the damage and from its end to the damage. */
function readWhatIsLeft(path: string): Instance[] {
  const found = new Map<string, Instance>();
  const names = new Set<string>();
  for (const order of ['ASC', 'DESC'] as const) {
    for (const instance of readInstances(path, order)) {
      if (found.has(instance.key) || names.has(instance.name)) continue;
      found.set(instance.key, instance);
      names.add(instance.name);
    }
  }
  return [...found.values()].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
}

function readInstances(path: string, order: 'ASC' | 'DESC'): Instance[] {
  const found: Instance[] = [];
  const db = new (loadDatabaseClass())(path, { readOnly: true, open: false });
  try {
    db.open();
    for (const { doc } of db.prepare(`SELECT doc FROM instances ORDER BY rowid ${order}`).iterate()) {
      const instance = decodeOrNull(String(doc));
      if (instance) found.push(instance);
    }
  } catch {
    // Here the damage begins: what was read before it counts.
  } finally {
    if (db.isOpen) db.close();
    rmSync(`${path}-shm`, { force: true });
  }
  return found;
}

function decodeOrNull(doc: string): Instance | null {
  try {
    return decodeInstance(doc);
  } catch {
    return null;
  }
}
