/**
 * How a damaged state is replaced so that a process killed at any point leaves either the old one or the new one.
 *
 * Three files can't be renamed in one step, and SQLite would play the old log into the new database. So the complete new
 * database waits in a directory whose renaming, `state.db.repair` to `state.db.repaired`, decides: before it the old one is
 * untouched, after it whoever comes next only has to finish.
 */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isWithoutLinks, makePrivateDirectory, syncDirectory } from '../lib/atomic-file.ts';
import { fillFromSalvage, type Salvage, salvageState } from './salvage-state.ts';
import { databaseFiles, repairedPath, writeNewDatabase } from './state-database.ts';

const newName = 'state.db';

/** Reads what can be read, and writes it as a complete database that is on the disk. Call under the lock of the state. */
export function draftState(path: string): Salvage {
  const folder = `${path}.repair`;
  rmSync(folder, { recursive: true, force: true });
  makePrivateDirectory(folder);
  try {
    const copy = join(folder, 'damaged.db');
    copyDatabase(path, copy);
    const salvage = salvageState(copy);
    for (const file of databaseFiles(copy)) rmSync(file, { force: true });
    const draft = join(folder, newName);
    writeNewDatabase(draft, (db) => fillFromSalvage(db, draft, salvage));
    syncFile(draft);
    syncDirectory(folder);
    return salvage;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Gives the damaged database and its log a second name, under which they stay. */
export function keepAside(path: string, wanted: string): string {
  let keptAs = wanted;
  for (let count = 2; databaseFiles(keptAs).some(exists); count++) keptAs = `${wanted}-${count}`;
  copyDatabase(path, keptAs, linkOrCopy);
  syncDirectory(dirname(path));
  return keptAs;
}

/** Decides for the draft, and puts it in its place. */
export function swapState(path: string): void {
  renameSync(`${path}.repair`, repairedPath(path));
  syncDirectory(dirname(path));
  finishSwap(path);
}

/** Ends a swap that was decided. @returns false when there is none */
export function finishSwap(path: string): boolean {
  const folder = repairedPath(path);
  if (!exists(folder)) return false;
  const ready = join(folder, newName);
  if (exists(ready)) {
    const [, ...beside] = databaseFiles(path);
    for (const file of beside) rmSync(file, { force: true });
    renameSync(ready, path);
    syncDirectory(dirname(path));
  }
  rmSync(folder, { recursive: true, force: true });
  syncDirectory(dirname(path));
  return true;
}

/** The database and its log; what SQLite keeps beside them is made of these again. */
function copyDatabase(
  from: string,
  to: string,
  copy: (from: string, to: string) => void = copyDurably,
): void {
  for (const suffix of ['-wal', '']) if (exists(from + suffix)) copy(from + suffix, to + suffix);
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!isWithoutLinks(error)) throw error;
    copyDurably(from, to);
  }
}

function copyDurably(from: string, to: string): void {
  copyFileSync(from, to);
  syncFile(to);
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
