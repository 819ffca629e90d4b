/** Host keys that the machine's own ssh believes, so that nobody has to trust one on first use there. */
import { SpuffError } from '../domain/errors.ts';

/**
 * ssh reads it without being told, after ssh_known_hosts: that one stays for whoever administers the machine.
 * @see ssh_config(5), GlobalKnownHostsFile
 */
export const knownHostsPath = '/etc/ssh/ssh_known_hosts2';

/** A file without this line is somebody else's. */
export const knownHostsMark = '# Written by spuff. Put keys of your own into /etc/ssh/ssh_known_hosts.';

const linePattern = /^[a-z0-9._:[\]-]+ [a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$/;

/**
 * @param lines `name type base64`, the name as in known_hosts
 * @throws SpuffError `internal` for a line that is not of this form: one bad line would be a host that nobody knows
 */
export function renderKnownHosts(lines: readonly string[]): string {
  for (const line of lines) {
    if (!linePattern.test(line))
      throw new SpuffError('internal', `${JSON.stringify(line.slice(0, 60))} is no line of known_hosts`);
  }
  return `${[knownHostsMark, ...lines].join('\n')}\n`;
}
