import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory } from './atomic-file.ts';
import { serializeScrubbed } from './scrub.ts';

/** The debug log. Writing never throws and never waits for the disk: a log that fails must not fail the command. */
export interface Log {
  /** `event` is a fixed word for the kind of line (`process.start`); what varies goes into `fields`. */
  write(event: string, fields?: Readonly<Record<string, unknown>>): void;
  close(): void;
}

export interface LogOptions {
  /** Its directory is made, 0700, on the first line. */
  path: string;
  /** The file is moved to `<path>.1` before it grows past this; 1 MiB unless told. Both together are twice that at most. */
  maxBytes?: number;
  now?: () => number;
}

/**
 * A log of one line of JSON per event (https://github.com/ndjson/ndjson-spec): `time` (ISO 8601), `pid`, `event`, then the
 * fields. The file is 0600 from its first byte, several processes can write to it, and every line is scrubbed. Nothing
 * is opened before the first line.
 */
export function openLog(options: LogOptions): Log {
  const maxBytes = options.maxBytes ?? 1024 * 1024;
  const now = options.now ?? Date.now;
  let fd: number | undefined;

  const reopen = (): number => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    fd = openLogFile(options.path);
    return fd;
  };

  const append = (line: string): void => {
    const bytes = Buffer.from(line);
    let target = fd === undefined || !isCurrent(fd, options.path) ? reopen() : fd;
    if (fstatSync(target).size + bytes.length > maxBytes) {
      renameSync(options.path, `${options.path}.1`);
      target = reopen();
    }
    // One write of O_APPEND: lines of several processes don't mix.
    writeSync(target, bytes);
  };

  return {
    write: (event, fields = {}) => {
      const time = new Date(now()).toISOString();
      const line = `${serializeScrubbed({ time, pid: process.pid, event, ...fields })}\n`;
      try {
        append(
          Buffer.byteLength(line) <= maxBytes
            ? line
            : `${serializeScrubbed({ time, event, cut: line.length })}\n`,
        );
      } catch {
        // A full disk or a read-only home: the command matters more than its log.
      }
    },
    close: () => {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

function openLogFile(path: string): number {
  makePrivateDirectory(dirname(path));
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  const stat = fstatSync(fd);
  const isOurs = stat.isFile() && (process.getuid === undefined || stat.uid === process.getuid());
  if (!isOurs) {
    closeSync(fd);
    throw new TypeError(`${path} is not a file of ours`);
  }
  if ((stat.mode & 0o777) !== 0o600) fchmodSync(fd, 0o600);
  return fd;
}

/** Whether the path still leads to the open file: another process may have rotated it. */
function isCurrent(fd: number, path: string): boolean {
  const [open, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return there !== undefined && there.ino === open.ino && there.dev === open.dev;
}
