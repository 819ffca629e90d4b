/** Sessions that hand the user's terminal, or the caller's pipes, to ssh. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { PausableSession } from '../domain/guard.ts';
import type { SessionOptions, SshTarget } from '../domain/ssh.ts';
import { exitCodeOf, startProcess } from '../lib/process.ts';
import { buildSession, type SshContext } from './argv.ts';
import { connectionFailed } from './classify-failure.ts';
import { type RelayedSignal, relayedSignals, wrapCommand } from './remote-command.ts';
import { requireSessionEnd } from './session-end.ts';
import { openSharedConnection } from './shared-connection.ts';
import { makeMark, signalProgram } from './signal-program.ts';
import { openSshLog } from './ssh-log.ts';

/** Where signals to this process come from. `process` is one. */
export interface SignalSource {
  on(name: RelayedSignal, listener: () => void): unknown;
  off(name: RelayedSignal, listener: () => void): unknown;
}

/**
 * Runs a program, or a login shell, with this process's own standard streams.
 *
 * With a terminal the terminal carries Ctrl-C. Without one, SIGHUP, SIGINT and SIGTERM to this process are sent on to the
 * program's process group, and its end is waited for; the third one is a SIGKILL.
 * @returns its exit status, 128+n for a signal
 * @throws SpuffError `connection` and the others of a login when ssh itself failed, `interrupted` before it has begun
 */
export async function openTerminalSession(
  target: SshTarget,
  context: SshContext,
  argv: readonly string[] | null,
  options: SessionOptions & { signals: SignalSource },
): Promise<number> {
  const tty = options.tty === 'auto' ? process.stdin.isTTY === true : options.tty;
  const sshArgs = options.sshArgs ?? [];
  const mark = makeMark();
  const command = argv === null ? null : wrapCommand(argv, mark);
  const opening = new AbortController();
  const inbox = openInbox(options, () => opening.abort());
  // With options of their own (-L, -v) users want to read what ssh says, when it says it.
  const log = sshArgs.length > 0 ? null : openSshLog(context.paths.runDirectory);
  let following: { stop(): void } | null | undefined;
  try {
    if (options.shared) await openSharedConnection(target, context, { signal: opening.signal });
    const sshArgv = buildSession(target, context, {
      command,
      tty: tty ? 'force' : 'no',
      shared: options.shared,
      forwardAgent: toAgentOption(options.forwardAgent),
      sshArgs,
      logPath: log?.path ?? null,
    });
    const relays = !tty && command !== null;
    // Out of the terminal's process group, or its Ctrl-C would end ssh before the program has heard of it. A connection
    // of its own must stay in it, because it may have to ask for a passphrase there.
    const child = await startProcess(sshArgv, {
      stdio: [options.withoutInput ? 'ignore' : 'inherit', 'inherit', 'inherit'],
      detached: relays && options.shared,
    });
    const guard = typeof options.forwardAgent === 'object' ? options.forwardAgent : null;
    guard?.attach(tty ? pausing(child) : null);
    // What still holds a connection to the agent would keep ssh, and the agent with it, after the shell has ended.
    following = guard && log?.follow(() => void guard.close());
    const relay = relays ? relayTo(target, context, mark, child) : passTo(child);
    inbox.deliverTo(relay.send);
    const [code, signalName] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    const status = exitCodeOf(code, signalName);
    if (relay.killed() && status === connectionFailed) return 128 + constants.signals.SIGKILL;
    if (log) requireSessionEnd(target, status, log);
    return status;
  } finally {
    following?.stop();
    inbox.close();
    log?.remove();
  }
}

function toAgentOption(forwarded: SessionOptions['forwardAgent']) {
  if (forwarded === false) return 'no';
  return forwarded === 'raw' ? 'yes' : forwarded;
}

/** ssh reads the terminal as long as it runs; stopped, it leaves it to whoever has to ask something. */
function pausing(child: ChildProcess): PausableSession {
  return { pause: () => void child.kill('SIGSTOP'), resume: () => void child.kill('SIGCONT') };
}

interface Relay {
  send: (name: RelayedSignal) => void;
  /** Whether the last resort was used: then sshd can't tell a status. */
  killed: () => boolean;
}

/** Sends signals to the program on the machine; to ssh when that can't be reached. */
function relayTo(target: SshTarget, context: SshContext, mark: string, child: ChildProcess): Relay {
  let count = 0;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const deliver = async (name: RelayedSignal) => {
    count++;
    const outcome = await signalProgram(target, context, mark, count < 3 ? name : 'SIGKILL', isRunning);
    if (outcome !== 'sent') child.kill(name);
  };
  return { send: (name) => void deliver(name), killed: () => count >= 3 };
}

/** For a terminal, which carries its own signals, and for a shell that reads a pipe: ssh itself is told. */
function passTo(child: ChildProcess): Relay {
  return { send: (name) => void child.kill(name), killed: () => false };
}

interface Inbox {
  deliverTo(send: (name: RelayedSignal) => void): void;
  close(): void;
}

/** Takes the signals to this process from the first moment on. `early` hears of those that come before the session runs. */
function openInbox(options: { signal?: AbortSignal; signals: SignalSource }, early: () => void): Inbox {
  const { signal, signals } = options;
  let send: (name: RelayedSignal) => void = early;
  let count = 0;
  const listeners = relayedSignals.map((name) => {
    const listener = () => {
      count++;
      send(name);
    };
    signals.on(name, listener);
    return [name, listener] as const;
  });
  // An abort that comes with a signal has been taken as that signal; any other one ends the session.
  const onAbort = () => void setImmediate(() => count === 0 && send('SIGTERM'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) early();
  return {
    deliverTo: (next) => {
      send = next;
    },
    close: () => {
      for (const [name, listener] of listeners) signals.off(name, listener);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
