import {
  appendFileSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** A file that has grown beyond this becomes `NAME.1`, and the one before it goes. */
const rotateBytes = 2 * 1024 * 1024;

/** A longer line is cut: one without an end would fill the memory before it fills the file. */
export const longestLine = 16 * 1024;

export interface SetupLog {
  /** Below the folder of logs. */
  readonly name: string;
  write(line: string): void;
  close(): void;
}

/**
 * Opens a log for appending. It is no larger than twice the limit, and its group is that of the folder, which must not be
 * anybody's to write but root's.
 * @param name below the folder, such as `bundles/node.log`
 */
export function openSetupLog(folder: string, name: string): SetupLog {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  let fd = openForAppending(path);
  let size = fstatSync(fd).size;
  return {
    name,
    write(line) {
      const bytes = Buffer.from(`${line.slice(0, longestLine)}\n`);
      if (size > 0 && size + bytes.length > rotateBytes) {
        closeSync(fd);
        renameSync(path, `${path}.1`);
        fd = openForAppending(path);
        size = 0;
      }
      appendFileSync(fd, bytes);
      size += bytes.length;
    },
    close: () => closeSync(fd),
  };
}

function openForAppending(path: string): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o640);
  // Whatever the umask.
  fchmodSync(fd, 0o640);
  return fd;
}
