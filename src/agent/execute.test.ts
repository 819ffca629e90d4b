import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeFrame } from './exec-frames.ts';
import { createExecLog } from './exec-log.ts';
import { createExecutor, type Executor } from './execute.ts';

const order = { argv: ['true'], cwd: '/', timeoutMs: 1, maxOutputBytes: 10 };
const signal = new AbortController().signal;

let folder: string;
let runner: Server | undefined;
let journal: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-execute-'));
  journal = [];
});
afterEach(async () => {
  await new Promise((resolve) => (runner ? runner.close(resolve) : resolve(undefined)));
  runner = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** An executor whose runner does what the test says: a runner belongs to the user of the machine, not to the agent. */
async function withRunner(
  behave: (socket: Socket) => void,
  logPath = 'exec.log',
  now = Date.now,
): Promise<Executor> {
  const socketPath = join(folder, 'runner.sock');
  runner = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    behave(socket);
  });
  await new Promise<void>((resolve) => runner?.listen(socketPath, resolve));
  const log = createExecLog(join(folder, logPath), { journal: (line) => journal.push(line) });
  return createExecutor({ socketPath, user: () => 'dev', log, now, graceMs: 100 });
}

function collect(): { sink: Parameters<Executor['run']>[1]; text: () => string } {
  const chunks: Buffer[] = [];
  const sink = { onStart: () => undefined, onOutput: (_: string, data: Buffer) => void chunks.push(data) };
  return { sink, text: () => Buffer.concat(chunks).toString() };
}

describe('the executor', () => {
  it('gives up on a runner that does not end what it should have ended', async () => {
    const executor = await withRunner((socket) => socket.write(encodeFrame({ kind: 'started' })));
    const { sink } = collect();
    expect(await executor.run(order, sink, signal)).toMatchObject({ outcome: 'timed-out', exitCode: null });
    expect(executor.running.size).toBe(0);
  });

  it('ran a command last now, while one runs, and then at its end', async () => {
    let nowMs = 1_000;
    let sockets: Socket[] = [];
    const executor = await withRunner(
      (socket) => {
        sockets = [socket];
        socket.write(encodeFrame({ kind: 'started' }));
      },
      'exec.log',
      () => nowMs,
    );
    const { promise: started, resolve: onStart } = Promise.withResolvers<void>();
    const running = executor.run(
      { ...order, timeoutMs: 60_000 },
      { ...collect().sink, onStart: () => onStart() },
      signal,
    );
    await started;
    nowMs = 7_200_000;
    expect(executor.lastAtMs).toBe(7_200_000);
    nowMs = 7_300_000;
    const end = { outcome: 'exited', exitCode: 0, signal: null } as const;
    for (const socket of sockets) socket.end(encodeFrame({ kind: 'end', end }));
    await running;
    nowMs = 9_000_000;
    expect(executor.lastAtMs).toBe(7_300_000);
  });

  it('takes no more output than was asked for, whatever the runner sends', async () => {
    const executor = await withRunner((socket) => {
      const frame = encodeFrame({ kind: 'stdout', data: Buffer.from('1234567') });
      for (let count = 0; count < 3; count++) socket.write(frame);
    });
    const { sink, text } = collect();
    const result = await executor.run({ ...order, timeoutMs: 60_000 }, sink, signal);
    expect(result).toMatchObject({ outcome: 'output-limit' });
    expect(text()).toBe('1234567123');
  });

  it('escapes what the runner says of a failure, and cuts it', async () => {
    const message = `\u001b]0;x\u0007 \u202e${'x'.repeat(2_000)}`;
    const executor = await withRunner((socket) => socket.end(encodeFrame({ kind: 'failure', message })));
    const failure = await executor.run(order, collect().sink, signal).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'bad-request' });
    const shown = (failure as Error).message;
    expect(shown.startsWith('\\x1b]0;x\\x07 \\u202ex')).toBe(true);
    expect(shown.length).toBeLessThan(600);
  });

  it('runs nothing that can not be written down', async () => {
    let asked = 0;
    const executor = await withRunner(() => asked++, 'missing/exec.log');
    await expect(executor.run(order, collect().sink, signal)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ENOENT'),
    });
    expect([asked, executor.running.size, executor.lastAtMs]).toEqual([0, 0, null]);
  });
});
