import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFrames, type ExecOrder, type RunnerFrame } from './exec-frames.ts';
import { type SendSignal, serveOneCommand } from './run-command.ts';

let folder: string;
let server: Server | undefined;
const left: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-run-'));
});
afterEach(async () => {
  for (const pid of left.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  rmSync(folder, { recursive: true, force: true });
});

/** A runner on a socket of its own; `served` resolves when it would exit. */
async function startRunner(
  sendSignal?: SendSignal,
): Promise<{ socket: Socket; path: string; served: Promise<void> }> {
  const served = Promise.withResolvers<void>();
  server = createServer((socket) => {
    serveOneCommand(socket, sendSignal).then(served.resolve, served.reject);
  });
  const path = join(folder, 'runner.sock');
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return { socket: connect(path), path, served: served.promise };
}

async function run(order: Partial<ExecOrder>, sendSignal?: SendSignal): Promise<RunnerFrame[]> {
  const { socket, served } = await startRunner(sendSignal);
  socket.write(toLine(order));
  const frames: RunnerFrame[] = [];
  for await (const frame of decodeFrames(socket)) frames.push(frame);
  await served;
  return frames;
}

function toLine(order: Partial<ExecOrder>): string {
  const whole = { argv: ['true'], cwd: '/', timeoutMs: 60_000, maxOutputBytes: 1_000, ...order };
  return `${JSON.stringify(whole)}\n`;
}

const endOf = (frames: readonly RunnerFrame[]) => frames.find((frame) => frame.kind === 'end')?.end;
const outputOf = (frames: readonly RunnerFrame[]) =>
  frames.map((frame) => (frame.kind === 'stdout' ? frame.data.toString() : '')).join('');

/** Waits for what must come; the test's own time-out says when it did not. */
async function until<T>(look: () => T | null | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== null && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function readPid(path: string): number | null {
  try {
    return Number(/^\d+(?=\n)/.exec(readFileSync(path, 'utf8'))?.[0] ?? Number.NaN) || null;
  } catch {
    return null;
  }
}

/** Leaves the group of its command, and writes until its pipe is gone. `then` runs when it has left. */
function leave(writer: string, then: string): string[] {
  const marker = join(folder, 'left');
  const waiting = `until [ -e ${marker} ]; do sleep 0.01; done`;
  return ['sh', '-c', `setsid sh -c ': >${marker}; ${writer}' & ${waiting}; ${then}`];
}
const writeFast = 'exec yes';
/** Without a pause in which it could be taken for having ended, and without gigabytes. */
const writeOn = 'while echo more; do :; done';

describe('what has left the group of the command and goes on writing', () => {
  it('does not outlive the limit of the output', async () => {
    const frames = await run({ argv: leave(writeFast, 'exit 0') });
    expect(endOf(frames)).toMatchObject({ outcome: 'output-limit' });
    expect(outputOf(frames)).toHaveLength(1_000);
  });

  it('is not listened to for long when there is time and room', async () => {
    const frames = await run({ argv: leave(writeOn, 'exit 3'), maxOutputBytes: 2 ** 30 });
    expect(endOf(frames)).toEqual({ outcome: 'exited', exitCode: 3, signal: null });
  });

  it('does not outlive the time of the command', async () => {
    const argv = leave(writeOn, 'exec sleep 600');
    const frames = await run({ argv, timeoutMs: 1_000, maxOutputBytes: 2 ** 30 });
    expect(endOf(frames)).toMatchObject({ outcome: 'timed-out', signal: 'SIGTERM' });
  });

  it('does not keep the runner once the agent has hung up', async () => {
    const { socket, served } = await startRunner();
    socket.write(toLine({ argv: leave(writeFast, 'exit 0'), maxOutputBytes: 2 ** 40 }));
    socket.once('data', () => socket.destroy());
    await expect(served).resolves.toBeUndefined();
  });

  it('gives all to a slow reader, also what is still in the pipe long after the command has ended', async () => {
    const { socket, path } = await startRunner();
    socket.destroy();
    // How much the sockets in between take is the kernel's affair: one of these ends while the reader waits.
    const sizes = Array.from({ length: 8 }, (_, index) => 200_000 + index * 50_000);
    const read = async (size: number) => {
      const slow = connect(path);
      slow.write(toLine({ argv: ['head', '-c', String(size), '/dev/zero'], maxOutputBytes: 1_000_000 }));
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      let seen = 0;
      for await (const frame of decodeFrames(slow)) if (frame.kind === 'stdout') seen += frame.data.length;
      return seen;
    };
    expect(await Promise.all(sizes.map(read))).toEqual(sizes);
  });
});

describe('a command that no signal of ours ends, such as one of root', () => {
  /** What the kernel says to a signal for another user's process. */
  const refused: SendSignal = () => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  };
  const pidPath = () => join(folder, 'pid');
  const argv = () => ['sh', '-c', `echo $$ >${pidPath()}; exec sleep 600`];

  it('is reported as timed out all the same', async () => {
    const running = run({ argv: argv(), timeoutMs: 300 }, refused);
    left.push(await until(() => readPid(pidPath())));
    expect(endOf(await running)).toEqual({ outcome: 'timed-out', exitCode: null, signal: null });
  });

  it('does not keep the runner once the agent has hung up', async () => {
    const { socket, served } = await startRunner(refused);
    socket.write(toLine({ argv: argv() }));
    left.push(await until(() => readPid(pidPath())));
    socket.destroy();
    await expect(served).resolves.toBeUndefined();
  });
});
