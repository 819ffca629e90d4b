/** The one connection that all commands for an instance share: opened when first needed, gone ten minutes after the last. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { SshTarget } from '../domain/ssh.ts';
import { runProcess, startProcess } from '../lib/process.ts';
import { withProcessLock } from '../lib/process-lock.ts';
import { buildControl, buildMaster, type SshContext } from './argv.ts';
import { makeFailure } from './classify-failure.ts';
import { findRunDirectory } from './run-directory.ts';
import { openSshLog, type SshLog } from './ssh-log.ts';

export interface LoginOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
}

/** Whether somebody listens on a Unix socket. A file that a dead process left behind does not count. */
export async function isSocketAlive(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * Makes sure that the shared connection is there. known_hosts must have been written.
 * @throws SpuffError as ssh failed: `host-identity`, `connection`, `auth`, …; `interrupted`; `timeout`
 */
export async function openSharedConnection(
  target: SshTarget,
  context: SshContext,
  options: LoginOptions = {},
): Promise<void> {
  const { controlSocket, openingLock } = context.paths;
  if (await isSocketAlive(controlSocket)) return;
  // One at a time: a dozen commands at once would be a dozen key exchanges, more than sshd takes.
  await withProcessLock(openingLock, options.signal, async () => {
    if (!(await isSocketAlive(controlSocket))) await startMaster(target, context, options);
  });
}

async function startMaster(target: SshTarget, context: SshContext, options: LoginOptions): Promise<void> {
  const { controlSocket, runDirectory } = context.paths;
  // ssh takes a file in the way for a living connection.
  rmSync(controlSocket, { force: true });
  const log = openSshLog(runDirectory);
  try {
    const child = await startProcess(buildMaster(target, context, log.path), {
      // Standard error is the user's, for "confirm user presence" of a security key; all else goes to the log.
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const outcome = await waitForLogin(child, log, options);
    if (outcome === 'in' || (await isSocketAlive(controlSocket))) return;
    throw makeFailure(target, log.read());
  } finally {
    log.remove();
  }
}

/** ssh ends with 0 when it has gone to the background as the shared connection. */
async function waitForLogin(child: ChildProcess, log: SshLog, options: LoginOptions): Promise<'in' | 'out'> {
  const { signal, timeoutMs = 120_000 } = options;
  let stopped: SpuffError | null = null;
  const stop = (error: SpuffError) => {
    stopped ??= error;
    child.kill('SIGTERM');
  };
  const onAbort = () => stop(new SpuffError('interrupted', 'the login was stopped'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const timer = setTimeout(() => stop(new SpuffError('timeout', 'the login took too long')), timeoutMs);
  // One that finds another's socket in spite of the lock would stay in the foreground for nothing.
  const watch = setInterval(() => {
    if (log.read().includes('disabling multiplexing')) child.kill('SIGTERM');
  }, 100);
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    if (stopped) throw stopped;
    return code === 0 ? 'in' : 'out';
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Ends every shared connection of an instance, also those to former addresses, and every tunnel's. Absent is success. */
export async function closeSharedConnections(home: string, key: InstanceKey): Promise<void> {
  const directory = findRunDirectory(home, key);
  for (const name of listNames(directory)) {
    const path = join(directory, name);
    if (/^[ct]-/.test(name)) await endSharedConnection(key, path);
    // Not the locks: somebody may hold one. Nor the guards: they end with their sessions.
    if (!/^[lgk]-/.test(name)) rmSync(path, { force: true });
  }
}

/** Ends one, with all sessions that share it. */
export async function endSharedConnection(key: InstanceKey, controlSocket: string): Promise<void> {
  if (!(await isSocketAlive(controlSocket))) return;
  await runProcess(buildControl({ key }, controlSocket, { operation: 'exit' }), { timeoutMs: 5_000 });
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // No directory: nothing was ever opened.
    return [];
  }
}
