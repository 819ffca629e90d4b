import { once } from 'node:events';
import { SpuffError } from '../domain/errors.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import { buildCopy, type SshContext } from './argv.ts';
import { hostAlias } from './known-hosts.ts';
import { openSharedConnection } from './shared-connection.ts';

export interface CopyPaths {
  from: readonly string[];
  to: string;
}

/**
 * Copies over the shared connection. scp shows its progress when this process has a terminal.
 * @returns scp's exit status
 * @throws SpuffError `usage` for paths that don't make a copy, `connection` and the others of a login
 */
export async function copyFiles(
  target: SshTarget,
  context: SshContext,
  paths: CopyPaths,
  options: { recursive: boolean; signal?: AbortSignal },
): Promise<number> {
  const { sources, destination } = toScpPaths(paths, hostAlias(target.key));
  await openSharedConnection(target, context, options.signal ? { signal: options.signal } : {});
  const { recursive } = options;
  const child = await startProcess(buildCopy(target, context, { sources, destination, recursive }), {
    stdio: 'inherit',
  });
  const stop = () => void child.kill('SIGTERM');
  options.signal?.addEventListener('abort', stop, { once: true });
  if (options.signal?.aborted) stop();
  try {
    const [code, signalName] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return exitCodeOf(code, signalName);
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

/**
 * What scp is given: every name means itself, and nothing in it a host, an option or a pattern.
 * @throws SpuffError `usage` unless exactly one side is the machine
 */
export function toScpPaths(paths: CopyPaths, alias: string): { sources: string[]; destination: string } {
  const { from, to } = paths;
  const remoteSources = from.filter((path) => path.startsWith(':')).length;
  const downloads = remoteSources > 0;
  const sidesFit = downloads ? remoteSources === from.length && !to.startsWith(':') : to.startsWith(':');
  if (from.length === 0 || !sidesFit || [...from, to].some((path) => path === '' || path.includes('\0'))) {
    throw new SpuffError('usage', 'one side of a copy is the machine, the other is here', {
      hints: [
        'the side on the machine starts with a colon: spuff cp notes.txt :notes.txt',
        'spuff cp :/var/log/syslog .',
      ],
    });
  }
  if (downloads) {
    return {
      sources: from.map((path) => `${alias}:${escapePattern(path.slice(1))}`),
      destination: toLocal(to),
    };
  }
  return { sources: from.map(toLocal), destination: `${alias}:${to.slice(1)}` };
}

/** A local name with a colon would be a host, one with a dash in front an option. */
function toLocal(path: string): string {
  return path.startsWith('/') ? path : `./${path}`;
}

/** scp expands patterns in the names that it reads from the machine; glob(3) takes a backslash as an escape. */
function escapePattern(path: string): string {
  return path.replaceAll(/[\\*?[\]{}]/g, '\\$&');
}
