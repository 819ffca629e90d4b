import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { escapeText } from '../lib/escape.ts';
import type { ExecOutcome } from '../protocol/response-schemas.ts';
import { AgentError } from './agent-error.ts';
import { decodeFrames, type ExecOrder, type RunnerEnd } from './exec-frames.ts';
import type { ExecLog } from './exec-log.ts';

/** More commands at once than this are refused. */
export const maxRunning = 8;

/**
 * A runner ends its command at the time-out, and gives up on one that it can't end a few seconds later. One that says
 * nothing even then was stopped, by the command for instance, which runs as the same user.
 */
const defaultGraceMs = 10_000;

const maxFailureCharacters = 500;

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
   * @throws AgentError `busy` | `unavailable` | `bad-request` when it can't be started, or can't be written down
   */
  run(order: ExecOrder, sink: ExecSink, signal: AbortSignal): Promise<ExecResult>;
  readonly running: ReadonlySet<string>;
  /** When a command last ran: now, while one does, so that the agent after one that is killed knows it; null: none yet. */
  readonly lastAtMs: number | null;
}

export function createExecutor(options: {
  socketPath: string;
  /** Who the runner runs commands as, for the log. */
  user: () => string;
  log: ExecLog;
  now: () => number;
  /** How long after its time-out a command is given up, whatever its runner does. */
  graceMs?: number;
}): Executor {
  const { socketPath, user, log, now, graceMs } = options;
  const running = new Set<string>();
  let lastAtMs: number | null = null;

  async function run(order: ExecOrder, sink: ExecSink, signal: AbortSignal): Promise<ExecResult> {
    if (running.size >= maxRunning) {
      throw new AgentError('busy', `${maxRunning} commands are running already`, {
        headers: { 'Retry-After': '1' },
      });
    }
    const id = randomUUID();
    log.start({ id, user: user(), argv: order.argv, cwd: order.cwd });
    const startedAtMs = now();
    running.add(id);
    lastAtMs = startedAtMs;
    let result: Omit<ExecResult, 'id' | 'durationMs'> = { outcome: 'failed', exitCode: null, signal: null };
    try {
      const begin = () => sink.onStart({ id, startedAt: new Date(startedAtMs) });
      result = await talkToRunner(socketPath, order, signal, { ...sink, begin }, graceMs);
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
      return running.size > 0 ? now() : lastAtMs;
    },
  };
}

/** Has a command of the agent's own run as the login user: not in the log, and no sign of life. */
export async function runQuietly(socketPath: string, order: ExecOrder): Promise<void> {
  const nothing = () => undefined;
  const sink = { onStart: nothing, onOutput: nothing, begin: nothing };
  await talkToRunner(socketPath, order, new AbortController().signal, sink);
}

/**
 * The same, for an answer: what the command prints to standard output, and the last of what it says besides.
 * @throws AgentError `unavailable` | `bad-request` when it can't be run
 */
export async function askQuietly(
  socketPath: string,
  order: ExecOrder,
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const sink = {
    onStart: () => undefined,
    begin: () => undefined,
    onOutput: (stream: 'stdout' | 'stderr', data: Buffer) => {
      said[stream] += data.toString('utf8');
    },
  };
  const { exitCode } = await talkToRunner(socketPath, order, new AbortController().signal, sink);
  return { exitCode, ...said };
}

/** The runner belongs to the user of the machine: what it says is taken as far as the order goes. */
async function talkToRunner(
  socketPath: string,
  order: ExecOrder,
  signal: AbortSignal,
  sink: ExecSink & { begin: () => void },
  graceMs = defaultGraceMs,
): Promise<Omit<ExecResult, 'id' | 'durationMs'>> {
  const socket = await openSocket(socketPath);
  const hangUp = () => socket.destroy();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    hangUp();
  }, order.timeoutMs + graceMs);
  signal.addEventListener('abort', hangUp, { once: true });
  let bytesLeft = order.maxOutputBytes;
  try {
    if (signal.aborted) return withoutStatus('cancelled');
    socket.write(`${JSON.stringify(order)}\n`);
    for await (const frame of decodeFrames(socket)) {
      if (frame.kind === 'failure') throw startFailed(frame.message);
      if (frame.kind === 'end') return toResult(frame.end);
      if (frame.kind === 'started') {
        sink.begin();
        continue;
      }
      const data = frame.data.subarray(0, bytesLeft);
      bytesLeft -= data.length;
      await sink.onOutput(frame.kind, data);
      if (data.length < frame.data.length) return withoutStatus('output-limit');
    }
  } catch (error) {
    if (!signal.aborted && !isLate) throw error instanceof AgentError ? error : runnerLost(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', hangUp);
    socket.destroy();
  }
  if (signal.aborted) return withoutStatus('cancelled');
  if (isLate) return withoutStatus('timed-out');
  throw runnerLost();
}

function withoutStatus(outcome: 'cancelled' | 'timed-out' | 'output-limit') {
  return { outcome, exitCode: null, signal: null };
}

function startFailed(message: string): AgentError {
  return new AgentError(
    'bad-request',
    escapeText(message, { singleLine: true }).slice(0, maxFailureCharacters),
  );
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
