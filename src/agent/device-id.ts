import { statSync } from 'node:fs';

/**
 * The `major:minor` of the file system that a directory is on, as mountinfo writes it; null for what is not a directory.
 * @see gnu_dev_major in glibc for how the two are packed into one number
 */
export function deviceIdOf(directory: string): string | null {
  try {
    const stat = statSync(directory, { bigint: true });
    if (!stat.isDirectory()) return null;
    const major = ((stat.dev >> 8n) & 0xfffn) | ((stat.dev >> 32n) & 0xfffff000n);
    const minor = (stat.dev & 0xffn) | ((stat.dev >> 12n) & 0xffffff00n);
    return `${major}:${minor}`;
  } catch {
    return null;
  }
}
