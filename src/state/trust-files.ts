/** What of this computer which projects may have: one small file for each project, in the home. */
import { createHash } from 'node:crypto';
import { existsSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { TrustStore } from '../domain/trust.ts';
import {
  makePrivateDirectory,
  readPrivateFile,
  toFileError,
  writeFileAtomically,
} from '../lib/atomic-file.ts';

const maxEntryBytes = 1024 * 1024;

interface Entry {
  version: 1;
  /** So that a person can tell which project an entry is of. */
  root: string;
  wishes: string[];
}

export function openTrustStore({ trusted }: { trusted: string }): TrustStore {
  const pathOf = (root: string) => join(trusted, `${createHash('sha256').update(root).digest('hex')}.json`);
  return {
    list: (root) => {
      const path = pathOf(realPath(root));
      const text = readPrivateFile(path, maxEntryBytes);
      return new Set(text === null ? [] : parseTrustEntry(text, path).wishes);
    },
    replace: (root, wishes) => {
      const real = realPath(root);
      makePrivateDirectory(trusted);
      const entry: Entry = { version: 1, root: real, wishes: [...new Set(wishes)] };
      writeFileAtomically(pathOf(real), `${JSON.stringify(entry)}\n`);
    },
    forget: (root) => {
      const path = pathOf(realPath(root));
      if (!existsSync(path)) return false;
      try {
        rmSync(path);
        return true;
      } catch (error) {
        throw toFileError(error, `remove ${path}`);
      }
    },
  };
}

/** A project that is reached by a link is the same. */
function realPath(root: string): string {
  try {
    return realpathSync(root);
  } catch (error) {
    throw toFileError(error, `look for ${root}`);
  }
}

/** @throws SpuffError `state` for what `replace` has not written */
export function parseTrustEntry(text: string, path: string): Entry {
  const entry = parseJson(text);
  if (isEntry(entry)) return entry;
  throw new SpuffError('state', `${path} does not say what is trusted`, {
    hints: [`remove it, and trust it anew: rm ${path} && spuff trust`],
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false;
  const { version, root, wishes } = value as Partial<Entry>;
  return (
    version === 1 &&
    typeof root === 'string' &&
    Array.isArray(wishes) &&
    wishes.every((one) => typeof one === 'string')
  );
}
