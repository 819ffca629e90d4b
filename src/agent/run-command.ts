/** The runner: one process per command of `/exec`, started by systemd as the login user with a connection of the agent. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { SpuffError } from '../domain/errors.ts';
import { startProcess } from '../lib/process.ts';
import { type ExecOrder, encodeFrame, type RunnerEnd, type RunnerFrame } from './exec-frames.ts';

/** An order is a request to `/exec` at most, and JSON may write each of its characters as six. */
const maxOrderBytes = 2 * 1024 * 1024;

/** How long a command gets between the polite signal and the other one. */
const graceMs = 2_000;

/** Pipes that say nothing for this long after the end of the command have nothing left to say. */
const quietMs = 100;

/**
 * Takes one order from the socket, runs it, and streams frames back until the command and everything in its process
 * group has ended. A socket that closes ends the command.
 */
export async function serveOneCommand(socket: Duplex): Promise<void> {
  // Whatever goes wrong with the socket shows as its close, which ends the command.
  socket.on('error', () => socket.destroy());
  const order = await readOrder(socket);
  if (order === null) return;
  let frame: RunnerFrame;
  try {
    checkDirectory(order.cwd ?? homedir());
    frame = { kind: 'end', end: await runOrder(order, socket) };
  } catch (error) {
    if (!(error instanceof SpuffError)) throw error;
    frame = { kind: 'failure', message: error.message };
  }
  if (socket.writable) {
    socket.end(encodeFrame(frame));
    await once(socket, 'finish').catch(() => undefined);
  }
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

async function runOrder(order: ExecOrder, socket: Duplex): Promise<RunnerEnd> {
  const child = await startProcess(order.argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: order.cwd ?? homedir(),
    // A process group of its own, so that one signal reaches all of it.
    detached: true,
  });
  socket.write(encodeFrame({ kind: 'started' }));
  let why: 'timed-out' | 'output-limit' | null = null;
  let killTimer: NodeJS.Timeout | undefined;
  const end = (reason: typeof why) => {
    if (killTimer) return;
    why = reason;
    signalGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
  };
  const timer = setTimeout(() => end('timed-out'), order.timeoutMs);
  const hangUp = () => signalGroup(child, 'SIGKILL');
  socket.once('close', hangUp);
  // The agent says nothing after the order: reading on is how its going away is noticed.
  socket.on('end', hangUp);
  socket.resume();
  try {
    const flow: Flow = {
      socket,
      bytesLeft: order.maxOutputBytes,
      chunks: 0,
      blocked: 0,
      onLimit: () => end('output-limit'),
    };
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const streams = Promise.all([
      forward(child.stdout, 'stdout', flow),
      forward(child.stderr, 'stderr', flow),
    ]);
    const [exitCode, signal] = await exited;
    await drain(child, streams, flow);
    if (why !== null) return { outcome: why, exitCode, signal };
    return signal === null
      ? { outcome: 'exited', exitCode: exitCode ?? 0, signal: null }
      : { outcome: 'signalled', exitCode: null, signal };
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    socket.off('close', hangUp);
    socket.off('end', hangUp);
  }
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
 * group; what has left the group as well and holds a pipe open is cut off, and systemd ends it with this process.
 */
async function drain(child: ChildProcess, streams: Promise<unknown>, flow: Flow): Promise<void> {
  if (await settlesWithin(streams, quietMs)) return;
  signalGroup(child, 'SIGKILL');
  for (let seen = -1; seen !== flow.chunks || flow.blocked > 0; ) {
    seen = flow.chunks;
    if (await settlesWithin(streams, quietMs)) return;
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function untilDrained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
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

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}
