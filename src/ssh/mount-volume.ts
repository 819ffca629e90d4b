/** Folders of a machine on this computer: sshfs over a connection of its own, to the pinned key. */
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { writeFileAtomically } from '../lib/atomic-file.ts';
import { escapeText } from '../lib/escape.ts';
import { startProcess } from '../lib/process.ts';
import { makeRandomName } from '../lib/random-name.ts';
import { type SshContext, writeConfigFile } from './argv.ts';
import { hostAlias } from './known-hosts.ts';

/** Login and first answer; a mount that is there is not ended by it. */
const mountMs = 45_000;

/**
 * Links on the machine are followed there, and not here: one that the machine plants must not lead a program of the user's to
 * a file of the user's. What is on the machine is not run here, is no device and gives no rights. Files are shown as the
 * user's own.
 * @see sshfs(1)
 */
const mountOptions = [
  'reconnect',
  // Not the twenty seconds of sshfs: what a build on the machine has made is looked for at once.
  'dcache_timeout=1',
  'follow_symlinks',
  'nosuid',
  'nodev',
  'noexec',
  'idmap=user',
  'default_permissions',
];

export function buildMountArguments(
  target: Pick<SshTarget, 'key'>,
  configPath: string,
  { path, mountPoint }: { path: string; mountPoint: string },
): string[] {
  const source = `${hostAlias(target.key)}:${path}`;
  return ['sshfs', '-F', configPath, '-o', mountOptions.join(','), source, mountPoint];
}

/** @throws SpuffError `unavailable` without sshfs or FUSE, `connection` for all else that sshfs says */
export async function mountVolume(
  target: SshTarget,
  context: SshContext,
  volume: { path: string; mountPoint: string },
  signal: AbortSignal,
): Promise<void> {
  const { runDirectory } = context.paths;
  // sshfs reads it again at each reconnection, so it stays as long as the instance does.
  const configPath = join(runDirectory, 'sshfs.conf');
  writeFileAtomically(configPath, writeConfigFile(target, context));
  const logPath = join(runDirectory, `.${makeRandomName()}.sshfs`);
  // A file and no pipe: the ssh that sshfs starts keeps it open as long as the mount is there.
  const log = openSync(logPath, 'wx', 0o600);
  try {
    const exitCode = await runSshfs(buildMountArguments(target, configPath, volume), log, signal);
    if (exitCode === 0) return;
    throw toMountError(target.name, volume.path, readFileSync(logPath, 'utf8'));
  } finally {
    closeSync(log);
    rmSync(logPath, { force: true });
  }
}

async function runSshfs(argv: readonly string[], log: number, signal: AbortSignal): Promise<number | null> {
  const child = await startSshfs(argv, log);
  const stop = () => void child.kill('SIGTERM');
  const timer = setTimeout(stop, mountMs);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    if (signal.aborted) throw new SpuffError('interrupted', 'mounting was stopped');
    return exitCode;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function startSshfs(argv: readonly string[], log: number) {
  try {
    return await startProcess(argv, { stdio: ['ignore', 'ignore', log] });
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code !== 'unavailable') throw error;
    throw new SpuffError('unavailable', error.message, {
      hints: ['install it: apt-get install sshfs, or on a Mac macFUSE and sshfs from https://macfuse.io'],
      cause: error,
    });
  }
}

function toMountError(name: string, path: string, said: string): SpuffError {
  const why = escapeText(said.trim(), { singleLine: true }).slice(0, 300) || 'sshfs did not say why';
  const folder = escapeText(path, { singleLine: true });
  if (
    /fuse: device not found|fusermount3?: .*(?:\/dev\/fuse|not found|permitted)|mount_macfuse/i.test(said)
  ) {
    return new SpuffError('unavailable', `this computer can't mount ${folder} of ${name}: ${why}`, {
      hints: ['load FUSE: modprobe fuse', 'in a container: give it /dev/fuse'],
    });
  }
  return new SpuffError('connection', `${folder} of ${name} was not mounted: ${why}`, {
    hints: [`see whether it answers: spuff status ${name}`],
  });
}
