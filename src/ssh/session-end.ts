import type { SshTarget } from '../domain/ssh.ts';
import { connectionFailed, makeFailure } from './classify-failure.ts';
import type { SshLog } from './ssh-log.ts';

/** What ssh logs when the machine has told how the session ended: over a shared connection, and over one of its own. */
const endWasTold = /^debug2: Received exit status from master|^debug1: Exit status \d|rtype exit-/m;

/** Lines of the log that are not about a failure. */
const remark = /^(?:debug\d: |Authenticated to |Transferred: |Bytes per|Connection to \S+ closed\.|OpenSSH_)/;

/**
 * Tells the end of a program with status 255 from the end of its connection, by ssh's own log at DEBUG2, which nobody on
 * the machine can write to.
 * @throws SpuffError `connection` and the others of a login when the machine has not told how the session ended
 */
export function requireSessionEnd(target: SshTarget, status: number, log: SshLog): void {
  if (status !== connectionFailed) return;
  const text = log.read();
  if (endWasTold.test(text)) return;
  const words = text.split('\n').filter((line) => !remark.test(line));
  throw makeFailure(target, words.join('\n').trim() || 'Connection closed');
}
