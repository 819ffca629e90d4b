/** Remembers, on the user's computer, what a machine was given: what a machine says of that would be its own word. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { InstanceKey } from '../domain/ids.ts';
import type { SyncRecord } from '../domain/sync.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';
import type { AppContext } from './context.ts';

const mostBytes = 512 * 1024 * 1024;

interface Written {
  version: 1;
  folder: string;
  tree: string | null;
  files: readonly (readonly [path: string, here: string, there: string])[];
}

/** What is known of a folder on a machine. A record that can't be read is one that is not there: then contents are compared. */
export function readSyncRecord(
  { home }: Pick<AppContext, 'home'>,
  key: InstanceKey,
  folder: string,
): SyncRecord {
  const text = readPrivateFile(join(home, 'sync', `${key}.json`), mostBytes);
  return parseSyncRecord(text, folder) ?? { folder, files: new Map(), tree: null };
}

/** null for anything that `writeSyncRecord` has not written, and for what is of another folder. */
export function parseSyncRecord(text: string | null, folder: string): SyncRecord | null {
  const written = parseWritten(text);
  if (written === null || written.folder !== folder) return null;
  const files = written.files.map(([path, here, there]) => [path, { here, there }] as const);
  return { folder, files: new Map(files), tree: written.tree };
}

function parseWritten(text: string | null): Written | null {
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Record<keyof Written, unknown>> | null;
    const isRight =
      value?.version === 1 &&
      typeof value.folder === 'string' &&
      (value.tree === null || typeof value.tree === 'string') &&
      Array.isArray(value.files) &&
      value.files.every(isFile);
    return isRight ? (value as unknown as Written) : null;
  } catch {
    return null;
  }
}

function isFile(value: unknown): boolean {
  return Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === 'string');
}

/** How much a sync has last seen to be the same here and in which folder there; null: there was none, or it can't be read. */
export function countSynced(
  { home }: Pick<AppContext, 'home'>,
  key: InstanceKey,
): { folder: string; files: number } | null {
  const written = parseWritten(readPrivateFile(join(home, 'sync', `${key}.json`), mostBytes));
  return written && { folder: written.folder, files: written.files.length };
}

/** Writes it down, and forgets those of instances that are no more. */
export async function writeSyncRecord(
  context: AppContext,
  key: InstanceKey,
  record: SyncRecord,
): Promise<void> {
  const folder = join(context.home, 'sync');
  makePrivateDirectory(folder);
  const written: Written = {
    version: 1,
    folder: record.folder,
    tree: record.tree,
    files: [...record.files].map(([path, { here, there }]) => [path, here, there]),
  };
  writeFileAtomically(join(folder, `${key}.json`), JSON.stringify(written));
  const state = await context.state();
  const alive = new Set(state.listInstances().map((instance) => `${instance.key}.json`));
  for (const name of readdirSync(folder))
    if (name.endsWith('.json') && name !== `${key}.json` && !alive.has(name))
      rmSync(join(folder, name), { force: true });
}
