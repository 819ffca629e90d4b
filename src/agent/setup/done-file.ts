import { writeFileAtomically } from '../../lib/atomic-file.ts';
import { readText } from '../read-file.ts';

/** Which parts are done, by the hash of what they were made of. */
export interface DoneFile {
  has(key: string, hash: string): boolean;
  note(key: string, hash: string): void;
  forget(key: string): void;
}

export function openDoneFile(path: string): DoneFile {
  const hashes = readHashes(path);
  const save = () => writeFileAtomically(path, `${JSON.stringify(Object.fromEntries(hashes))}\n`);
  return {
    has: (key, hash) => hashes.get(key) === hash,
    note(key, hash) {
      hashes.set(key, hash);
      save();
    },
    forget(key) {
      if (hashes.delete(key)) save();
    },
  };
}

/** A damaged one is as if nothing were done: each part may be repeated. */
function readHashes(path: string): Map<string, string> {
  try {
    const value: unknown = JSON.parse(readText(path) ?? '{}');
    if (typeof value !== 'object' || value === null) return new Map();
    return new Map(Object.entries(value).filter(([, hash]) => typeof hash === 'string'));
  } catch {
    return new Map();
  }
}
