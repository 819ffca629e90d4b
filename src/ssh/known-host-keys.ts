/** What the user's own ssh knows of a host, from its known_hosts files; the network is not asked. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readHostKey } from '../lib/guard-values.ts';
import { runProcess } from '../lib/process.ts';

/**
 * The host keys of a host, `type base64`, without those that a file calls revoked. ssh-keygen looks them up, also where the
 * names are hashed.
 * @param host a name as in `readHostName`, or `[name]:port`
 * @throws SpuffError `unavailable` when there is no ssh-keygen
 */
export async function findKnownHostKeys(userHome: string, host: string): Promise<string[]> {
  const files = [
    join(userHome, '.ssh', 'known_hosts'),
    join(userHome, '.ssh', 'known_hosts2'),
    '/etc/ssh/ssh_known_hosts',
  ].filter((path) => existsSync(path));
  const found: string[] = [];
  const revoked = new Set<string>();
  for (const file of files) {
    const { stdout } = await runProcess(['ssh-keygen', '-F', host, '-f', file], { timeoutMs: 10_000 });
    for (const line of stdout.split('\n')) {
      const { marker, key = '' } = entry.exec(line)?.groups ?? {};
      const known = readHostKey(key)?.line;
      if (known === undefined) continue;
      if (marker === '@revoked') revoked.add(known);
      // An authority's key is none of the host's.
      else if (marker === undefined) found.push(known);
    }
  }
  return [...new Set(found)].filter((key) => !revoked.has(key));
}

/** Marker, names, and a key with perhaps a comment: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". */
const entry = /^(?:(?<marker>@\S+)[ \t]+)?[^#@\s]\S*[ \t]+(?<key>[a-z]\S*[ \t]+[A-Za-z0-9+/]+=*)/;
