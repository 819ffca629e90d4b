import { join } from 'node:path';

/** What starts this spuff again, whatever is on the path. */
export const ownProgram: readonly string[] = [process.execPath, join(import.meta.dirname, 'spuff.cjs')];
