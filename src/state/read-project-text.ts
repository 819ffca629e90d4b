import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { SpuffError } from '../domain/errors.ts';
import { toFileError } from '../lib/atomic-file.ts';

/** Some pages, scripts among them. */
export const maxProjectBytes = 256 * 1024;

/** A file of the project: it may be a link and be open to others, as all of the project's may. */
export function readProjectText(path: string): string {
  try {
    // Without O_NONBLOCK a named pipe in its place would wait for ever.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (stat.isFile() && stat.size <= maxProjectBytes) return readFileSync(fd, 'utf8');
      throw new SpuffError('config', `${path} is ${stat.isFile() ? 'too large' : 'not a file'}`, {
        hints: ['look at what it is: it should be a short text'],
      });
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw toFileError(error, `read ${path}`);
  }
}
