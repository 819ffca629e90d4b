import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ExecOutcome } from '../protocol/response-schemas.ts';
import { AgentError } from './agent-error.ts';
import { decodeFrames, type ExecOrder, type RunnerEnd } from './exec-frames.ts';
import type { ExecLog } from './exec-log.ts';

/** More commands at once than this are refused. */
export const maxRunning = 8;

export interface ExecResult {
  id: string;
  outcome: ExecOutcome;
  exitCode: number | null;
  signal: string | null;
  durationMs: number;
}

export interface ExecSink {
  onStart(start: { id: string; startedAt: Date }): void;
  /** A promise holds the command back until it is resolved. */
  onOutput(stream: 'stdout' | 'stderr', data: Buffer): Promise<void> | void;
}

export interface Executor {
  /**
   * Has a command run as the login user by a runner of its own. Aborting ends the command.
   * @throws AgentError `busy` | `unavailable` | `bad-request` when it can't be started
   */
  run(order: ExecOrder, sink: ExecSink, signal: AbortSignal): Promise<ExecResult>;
  readonly running: ReadonlySet<string>;
  /** When a command last started or ended; null: none yet. */
  readonly lastAtMs: number | null;
}

export function createExecutor(options: {
  socketPath: string;
  /** Who the runner runs commands as, for the log. */
  user: () => string;
  log: ExecLog;
  now: () => number;
}): Executor {
  const { socketPath, user, log, now } = options;
  const running = new Set<string>();
  let lastAtMs: number | null = null;

  async function run(order: ExecOrder, sink: ExecSink, signal: AbortSignal): Promise<ExecResult> {
    if (running.size >= maxRunning) {
      throw new AgentError('busy', `${maxRunning} commands are running already`, {
        headers: { 'Retry-After': '1' },
      });
    }
    const id = randomUUID();
    const startedAtMs = now();
    running.add(id);
    lastAtMs = startedAtMs;
    let result: Omit<ExecResult, 'id' | 'durationMs'> = { outcome: 'failed', exitCode: null, signal: null };
    log.start({ id, user: user(), argv: order.argv, cwd: order.cwd });
    try {
      result = await talkToRunner(socketPath, order, signal, {
        ...sink,
        begin: () => sink.onStart({ id, startedAt: new Date(startedAtMs) }),
      });
      return { id, ...result, durationMs: now() - startedAtMs };
    } finally {
      running.delete(id);
      lastAtMs = now();
      log.end({ id, ...result, durationMs: lastAtMs - startedAtMs });
    }
  }

  return {
    run,
    running,
    get lastAtMs() {
      return lastAtMs;
    },
  };
}

/** Has a command of the agent's own run as the login user: not in the log, and no sign of life. */
export async function runQuietly(socketPath: string, order: ExecOrder): Promise<void> {
  const nothing = () => undefined;
  const sink = { onStart: nothing, onOutput: nothing, begin: nothing };
  await talkToRunner(socketPath, order, new AbortController().signal, sink);
}

async function talkToRunner(
  socketPath: string,
  order: ExecOrder,
  signal: AbortSignal,
  sink: ExecSink & { begin: () => void },
): Promise<Omit<ExecResult, 'id' | 'durationMs'>> {
  const cancelled = { outcome: 'cancelled', exitCode: null, signal: null } as const;
  const socket = await openSocket(socketPath);
  const hangUp = () => socket.destroy();
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    if (signal.aborted) return cancelled;
    socket.write(`${JSON.stringify(order)}\n`);
    for await (const frame of decodeFrames(socket)) {
      if (frame.kind === 'failure') throw new AgentError('bad-request', frame.message);
      if (frame.kind === 'end') return toResult(frame.end);
      if (frame.kind === 'started') sink.begin();
      else await sink.onOutput(frame.kind, frame.data);
    }
  } catch (error) {
    if (!signal.aborted) throw error instanceof AgentError ? error : runnerLost(error);
  } finally {
    signal.removeEventListener('abort', hangUp);
    socket.destroy();
  }
  if (signal.aborted) return cancelled;
  throw runnerLost();
}

function toResult(end: RunnerEnd): Omit<ExecResult, 'id' | 'durationMs'> {
  return { outcome: end.outcome, exitCode: end.exitCode, signal: end.signal };
}

async function openSocket(path: string): Promise<Socket> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    // Errors from here on end the loop over the frames, which reports them.
    socket.on('error', () => undefined);
    return socket;
  } catch (error) {
    socket.destroy();
    throw new AgentError('unavailable', 'commands can not be run: the runner does not answer', {
      hint: 'on the machine: systemctl status spuff-exec.socket',
      cause: error,
    });
  }
}

function runnerLost(cause?: unknown): AgentError {
  return new AgentError('unavailable', 'the runner of the command ended before the command did', {
    hint: 'on the machine: journalctl -u "spuff-exec@*"',
    cause,
  });
}
