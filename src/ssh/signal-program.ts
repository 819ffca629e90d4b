/** Signals for programs on the machine, sent from this side. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { SshTarget } from '../domain/ssh.ts';
import { startProcess } from '../lib/process.ts';
import { buildSession, type SshContext } from './argv.ts';
import { buildSignalCommand, nothingSignalled, type RelayedSignal, wrapCommand } from './remote-command.ts';
import { openSharedConnection } from './shared-connection.ts';

/** A name for one program, by which its process group is found again. */
export function makeMark(): string {
  return `spuff-${randomBytes(12).toString('hex')}`;
}

/**
 * Sends a signal to the process group of a running program, on a session of its own over the shared connection. A program
 * that is only being started is waited for, as long as `mayCome` says that it may.
 * @returns `absent` when there was no such program
 */
export async function signalProgram(
  target: SshTarget,
  context: SshContext,
  mark: string,
  signal: RelayedSignal | 'SIGKILL',
  mayCome: () => boolean,
): Promise<'sent' | 'absent' | 'unreachable'> {
  const command = wrapCommand(buildSignalCommand(mark, signal), makeMark());
  const request = {
    command,
    tty: 'no',
    shared: true,
    forwardAgent: 'no',
    sshArgs: [],
    logPath: null,
  } as const;
  try {
    await openSharedConnection(target, context, { timeoutMs: 10_000 });
    for (let tries = 0; tries < 30; tries++) {
      const status = await runSilently(buildSession(target, context, request), 5_000);
      if (status === 0) return 'sent';
      if (status !== nothingSignalled) return 'unreachable';
      if (!mayCome()) break;
      await delay(100);
    }
    return 'absent';
  } catch {
    // The program's own outcome is what the caller reports; a machine that is gone needs no signal.
    return 'unreachable';
  }
}

/**
 * Without pipes: the shared connection's process holds those of every session, so that they would not close with a ssh
 * that is killed.
 */
async function runSilently(argv: readonly string[], timeoutMs: number): Promise<number | null> {
  const child = await startProcess(argv, { stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    return ((await once(child, 'exit')) as [number | null])[0];
  } finally {
    clearTimeout(timer);
  }
}
