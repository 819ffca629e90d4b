import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** The content of a file, or null when it is missing or can't be read. For the small files of /proc, /run and /etc. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** The first bytes of a file; empty when it is missing or can't be read. */
export function readStart(path: string, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  try {
    const fd = openSync(path, 'r');
    try {
      return buffer.subarray(0, readSync(fd, buffer, 0, bytes, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return buffer.subarray(0, 0);
  }
}
