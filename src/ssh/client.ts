/** What the user's ssh can do, so that no option is passed that it would stumble over. */
import { type Stats, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { makePrivateDirectory, readPrivateFile, writeFileAtomically } from '../lib/atomic-file.ts';
import { runProcess } from '../lib/process.ts';

export interface SshClient {
  /** Lower-case names of the options it knows. */
  options: readonly string[];
  /** Its own defaults, the most wanted first. */
  kexAlgorithms: readonly string[];
  ciphers: readonly string[];
}

/**
 * Asks ssh itself, once for each version of its binary: the answer is kept in `<home>/cache`.
 * @throws SpuffError `unavailable` when ssh is missing, `unsupported` when it is older than OpenSSH 8.7
 */
export async function readSshClient(home: string): Promise<SshClient> {
  const binary = describeBinary(process.env['PATH'] ?? '');
  const cachePath = join(home, 'cache', 'ssh-client.json');
  const cached = readCache(cachePath, binary);
  if (cached) return cached;
  // Without the configuration files, so that these are the abilities and not somebody's choices.
  const dump = await runProcess(['ssh', '-F', 'none', '-G', 'spuff'], { timeoutMs: 10_000 });
  const client = parseDump(dump.stdout);
  if (dump.exitCode !== 0 || !client.options.includes('sessiontype')) {
    throw new SpuffError(
      'unsupported',
      'the ssh on this machine is too old: spuff needs OpenSSH 8.7 or later',
      {
        hints: ['see which one it is: ssh -V', 'install a current OpenSSH client'],
      },
    );
  }
  makePrivateDirectory(join(home, 'cache'));
  writeFileAtomically(cachePath, JSON.stringify({ binary, client }));
  return client;
}

/** Changes when the package manager replaces ssh, or another one comes first on the PATH. */
function describeBinary(searchPath: string): string {
  for (const directory of searchPath.split(delimiter)) {
    const path = join(directory, 'ssh');
    const stat = statOrNull(path);
    if (stat?.isFile()) return `${path} ${stat.size} ${stat.mtimeMs}`;
  }
  throw new SpuffError('unavailable', 'ssh is not installed, or not on the PATH', {
    hints: ['install OpenSSH, for example: apt-get install openssh-client'],
  });
}

/** A directory of the PATH that can't be entered is passed over, as the shell does it. */
function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function readCache(path: string, binary: string): SshClient | null {
  try {
    const cached = JSON.parse(readPrivateFile(path, 65_536) ?? 'null') as {
      binary: string;
      client: SshClient;
    } | null;
    return cached?.binary === binary ? cached.client : null;
  } catch {
    // A cache that can't be used is one that is not there: it is made anew.
    return null;
  }
}

function parseDump(text: string): SshClient {
  const values = new Map(
    text.split('\n').map((line) => {
      const [name = '', value = ''] = line.split(/ (.*)/s);
      return [name, value] as const;
    }),
  );
  const list = (name: string) => (values.get(name) ?? '').split(',').filter((item) => item !== '');
  return {
    options: [...values.keys()].filter((name) => name !== ''),
    kexAlgorithms: list('kexalgorithms'),
    ciphers: list('ciphers'),
  };
}
