import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file that ssh writes its own messages to (`-E`), so that they are never mixed up with what the remote program
 * prints: whoever controls that program can't forge or hide a failure of the connection.
 */
export interface SshLog {
  path: string;
  read(): string;
  remove(): void;
}

export function openSshLog(runDirectory: string): SshLog {
  const path = join(runDirectory, `log-${randomBytes(6).toString('hex')}`);
  return {
    path,
    read: () => {
      try {
        return readFileSync(path, 'utf8').slice(0, 65_536);
      } catch {
        // ssh makes the file when it starts; without one it did not come so far.
        return '';
      }
    },
    remove: () => rmSync(path, { force: true }),
  };
}
