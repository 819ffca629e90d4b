/** The runner: one process per command of `/exec`, started by systemd as the login user with a connection of the agent. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { SpuffError } from '../domain/errors.ts';
import { startProcess } from '../lib/process.ts';
import { type ExecOrder, encodeFrame, type RunnerEnd, type RunnerFrame } from './exec-frames.ts';
import { untilDrained } from './until-drained.ts';

/** An order is a request to `/exec` at most, and JSON may write each of its characters as six. */
const maxOrderBytes = 2 * 1024 * 1024;

/** How long a command gets between the polite signal and the other one. */
const graceMs = 2_000;

/** How long after that it is waited for: nothing more can be done for a process that belongs to somebody else. */
const killedMs = 1_000;

/** Pipes that say nothing for this long after the end of the command have nothing left to say. */
const quietMs = 100;

/** And whatever still writes into them is listened to no longer than this. */
const drainMs = 1_000;

/** As `process.kill`. */
export type SendSignal = (pid: number, signal: NodeJS.Signals) => unknown;

/**
 * Takes one order from the socket, runs it, and streams frames back until the command and everything in its process
 * group has ended, or can't be ended from here. A socket that closes ends the command. The caller exits then: systemd
 * ends what is left, as root.
 */
export async function serveOneCommand(
  socket: Duplex,
  sendSignal: SendSignal = (pid, signal) => process.kill(pid, signal),
): Promise<void> {
  // Whatever goes wrong with the socket shows as its close, which ends the command.
  socket.on('error', () => socket.destroy());
  const order = await readOrder(socket);
  if (order === null) return;
  let frame: RunnerFrame;
  try {
    checkDirectory(order.cwd ?? homedir());
    frame = { kind: 'end', end: await runOrder(order, socket, sendSignal) };
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    frame = { kind: 'failure', message: error.message };
  }
  if (!socket.writable) return;
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.end(encodeFrame(frame), () => resolve());
  });
}

function checkDirectory(path: string): void {
  let isDirectory = false;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch {
    // Missing, or closed to the user: the message is the same.
  }
  if (!isDirectory)
    throw new SpuffError('not-found', 'the working directory does not exist, or is closed to the user');
}

/** Gives null when the socket ends, or says too much, before the order is whole. */
async function readOrder(socket: Duplex): Promise<ExecOrder | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  const line = await new Promise<Buffer | null>((resolve) => {
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (chunk.includes(0x0a)) resolve(Buffer.concat(chunks));
      else if (size > maxOrderBytes) resolve(null);
    };
    socket.on('data', take);
    for (const event of ['end', 'close']) socket.once(event, () => resolve(null));
  });
  socket.removeAllListeners('data').pause();
  return line === null ? null : (JSON.parse(line.toString('utf8')) as ExecOrder);
}

async function runOrder(order: ExecOrder, socket: Duplex, sendSignal: SendSignal): Promise<RunnerEnd> {
  const child = await startProcess(order.argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: order.cwd ?? homedir(),
    // A process group of its own, so that one signal reaches all of it.
    detached: true,
  });
  socket.write(encodeFrame({ kind: 'started' }));
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const ending = createEnding((signal) => signalGroup(child, signal, sendSignal));
  const timer = setTimeout(() => ending.begin('timed-out'), order.timeoutMs);
  socket.once('close', ending.hangUp);
  // The agent says nothing after the order: reading on is how its going away is noticed.
  socket.on('end', ending.hangUp);
  socket.resume();
  try {
    const flow: Flow = {
      socket,
      bytesLeft: order.maxOutputBytes,
      chunks: 0,
      blocked: 0,
      onLimit: () => ending.begin('output-limit'),
    };
    const streams = Promise.all([
      forward(child.stdout, 'stdout', flow),
      forward(child.stderr, 'stderr', flow),
    ]);
    const [exitCode, signal] = (await Promise.race([exited, ending.givenUp])) ?? [null, null];
    await drain(streams, flow, ending);
    if (ending.why !== null) return { outcome: ending.why, exitCode, signal };
    return signal === null
      ? { outcome: 'exited', exitCode: exitCode ?? 0, signal: null }
      : { outcome: 'signalled', exitCode: null, signal };
  } finally {
    clearTimeout(timer);
    ending.cancel();
    child.stdout?.destroy();
    child.stderr?.destroy();
    socket.off('close', ending.hangUp);
    socket.off('end', ending.hangUp);
  }
}

/** How a command is ended that does not end by itself. */
interface Ending {
  readonly why: 'timed-out' | 'output-limit' | null;
  /** Resolves when what the command says from now on is of no interest. */
  readonly begun: Promise<void>;
  /** Resolves when the command is not waited for any longer. */
  readonly givenUp: Promise<null>;
  signal: (signal: NodeJS.Signals) => void;
  begin(reason: 'timed-out' | 'output-limit'): void;
  /** The agent is gone, and with it everybody who would want to know. */
  hangUp: () => void;
  cancel(): void;
}

function createEnding(signal: (signal: NodeJS.Signals) => void): Ending {
  const begun = Promise.withResolvers<void>();
  const givenUp = Promise.withResolvers<null>();
  const timers: NodeJS.Timeout[] = [];
  let why: Ending['why'] = null;
  return {
    get why() {
      return why;
    },
    begun: begun.promise,
    givenUp: givenUp.promise,
    signal,
    begin(reason) {
      if (why !== null) return;
      why = reason;
      begun.resolve();
      signal('SIGTERM');
      timers.push(
        setTimeout(() => signal('SIGKILL'), graceMs),
        setTimeout(() => givenUp.resolve(null), graceMs + killedMs),
      );
    },
    hangUp: () => {
      signal('SIGKILL');
      begun.resolve();
      givenUp.resolve(null);
    },
    cancel: () => timers.forEach(clearTimeout),
  };
}

interface Flow {
  socket: Duplex;
  bytesLeft: number;
  /** How many chunks have come so far. */
  chunks: number;
  /** How many streams wait for the agent to take what they have. */
  blocked: number;
  onLimit: () => void;
}

/** Passes a stream on as fast as the agent takes it, as far as the limit goes. */
async function forward(stream: Readable | null, kind: 'stdout' | 'stderr', flow: Flow): Promise<void> {
  if (!stream) return;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      flow.chunks++;
      const data = chunk.subarray(0, flow.bytesLeft);
      flow.bytesLeft -= data.length;
      if (data.length < chunk.length) flow.onLimit();
      if (data.length === 0 || !flow.socket.writable) continue;
      if (flow.socket.write(encodeFrame({ kind, data }))) continue;
      flow.blocked++;
      await untilDrained(flow.socket);
      flow.blocked--;
    }
  } catch {
    // A pipe torn down with its process: the end of the command says why.
  }
}

/**
 * After the command has ended: takes what is left in the pipes. What it left running ends with it, first the process
 * group; what has left the group as well and holds a pipe open is cut off, and systemd ends it with this process. The
 * time in which a slow reader has yet to take something does not count; the time-out of the command bounds that.
 */
async function drain(streams: Promise<unknown>, flow: Flow, ending: Ending): Promise<void> {
  if (await settlesWithin(streams, quietMs)) return;
  ending.signal('SIGKILL');
  const over = Promise.race([streams, ending.begun]);
  let spentMs = 0;
  for (let seen = -1; seen !== flow.chunks || flow.blocked > 0; ) {
    seen = flow.chunks;
    if (flow.blocked === 0) spentMs += quietMs;
    if (spentMs > drainMs || (await settlesWithin(over, quietMs))) return;
  }
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const settled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals, sendSignal: SendSignal): void {
  if (child.pid === undefined) return;
  try {
    sendSignal(-child.pid, signal);
  } catch {
    // The group is gone already, or all of it belongs to somebody else.
  }
}
