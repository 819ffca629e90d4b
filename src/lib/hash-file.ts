import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { toFileError } from './atomic-file.ts';

/** The SHA-256 of what is in a file, in hex. @throws SpuffError `permission` | `state` */
export async function hashFile(path: string): Promise<string> {
  try {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch (error) {
    throw toFileError(error, `read ${path}`);
  }
}
