import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file that ssh writes its own messages to (`-E`), so that they are never mixed up with what the remote program
 * prints: whoever controls that program can't forge or hide a failure of the connection.
 */
export interface SshLog {
  path: string;
  read(): string;
  /**
   * Looks at what comes while ssh runs, and lets the file not grow: a machine can make ssh write a few lines as often as it
   * likes, by using what was lent to it.
   * @param onSessionEnd is called once, when the machine has told how the session ended; ssh itself may go on for as
   *   long as anything holds a connection to what was lent
   */
  follow(onSessionEnd: () => void): { stop(): void };
  /** Empties the file when it is longer than what `read` gives: the newest is wanted then. */
  shorten(): void;
  remove(): void;
}

const followEveryMs = 200;
const mostBytes = 1024 * 1024;
const keptBytes = 65_536;
const sessionEnd = /^debug1: client_input_channel_req: channel 0 rtype exit-.*$/m;

export function openSshLog(runDirectory: string, name = `log-${randomBytes(6).toString('hex')}`): SshLog {
  const path = join(runDirectory, name);
  /** What was in the file before it was cut: its beginning, and the end of the session. */
  let kept = '';
  return {
    path,
    read: () => (kept + readQuietly(path)).slice(0, keptBytes),
    follow: (onSessionEnd) => {
      let at = 0;
      let hasEnded = false;
      const look = () => {
        const text = readFrom(path, at);
        at += text.length;
        const end = sessionEnd.exec(text)?.[0];
        if (end !== undefined && !hasEnded) {
          hasEnded = true;
          onSessionEnd();
        }
        if (at < mostBytes) return;
        kept ||= readQuietly(path).slice(0, keptBytes / 2);
        if (end !== undefined) kept += `\n${end}\n`;
        truncateSync(path);
        at = 0;
      };
      const timer = setInterval(look, followEveryMs);
      return { stop: () => clearInterval(timer) };
    },
    shorten: () => {
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > keptBytes) truncateSync(path);
    },
    remove: () => rmSync(path, { force: true }),
  };
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // ssh makes the file when it starts; without one it did not come so far.
    return '';
  }
}

/** Whole lines from there on; the last one may still be written. */
function readFrom(path: string, at: number): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const bytes = Buffer.alloc(mostBytes);
    const text = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, at));
    return text.subarray(0, text.lastIndexOf(0x0a) + 1).toString('latin1');
  } finally {
    closeSync(file);
  }
}
