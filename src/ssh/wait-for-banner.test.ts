import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Runtime } from '../domain/provider.ts';
import { waitForBanner } from './wait-for-banner.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(
  greet: (socket: Socket, count: number) => void,
): Promise<{ host: string; port: number; received: string[] }> {
  const received: string[] = [];
  let count = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => received.push(chunk.toString()));
    greet(socket, count++);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, received };
}

/** A clock that only moves when somebody sleeps. */
function makeRuntime(): Runtime & { slept: number } {
  const runtime = {
    slept: 0,
    now: () => runtime.slept,
    sleep: async (ms: number) => {
      runtime.slept += ms;
    },
    random: () => 0.5,
  };
  return runtime;
}

const signal = new AbortController().signal;

describe('waitForBanner', () => {
  it('is done with the first banner, and says nothing itself', async () => {
    const server = await listen((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const runtime = makeRuntime();
    expect(await waitForBanner(server, { runtime, deadlineMs: 1_000, signal })).toBe(true);
    expect(runtime.slept).toBe(0);
    expect(server.received).toEqual([]);
  });

  it('takes a banner in pieces', async () => {
    const server = await listen((socket) => {
      socket.write('SS');
      setImmediate(() => socket.write('H-2.0-x\r\n'));
    });
    expect(await waitForBanner(server, { runtime: makeRuntime(), deadlineMs: 1_000, signal })).toBe(true);
  });

  it('goes on while a forwarder takes the connection and drops it', async () => {
    const server = await listen((socket, count) =>
      count < 3 ? socket.destroy() : socket.end('SSH-2.0-x\r\n'),
    );
    const runtime = makeRuntime();
    expect(await waitForBanner(server, { runtime, deadlineMs: 1_000, signal })).toBe(true);
    expect(runtime.slept).toBe(150);
  });

  it.each(['HTTP/1.1 400 Bad Request\r\n', '\u0016\u0003\u0001\u0002'])(
    'gives up at the deadline on %j',
    async (text) => {
      const server = await listen((socket) => socket.end(text));
      expect(await waitForBanner(server, { runtime: makeRuntime(), deadlineMs: 500, signal })).toBe(false);
    },
  );

  it('gives up at the deadline where nothing listens', async () => {
    const { host, port } = await listen(() => undefined);
    for (const close of closers.splice(0)) close();
    expect(await waitForBanner({ host, port }, { runtime: makeRuntime(), deadlineMs: 500, signal })).toBe(
      false,
    );
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const server = await listen(() => controller.abort(new Error('enough')));
    const waiting = waitForBanner(server, {
      runtime: makeRuntime(),
      deadlineMs: 60_000,
      signal: controller.signal,
    });
    await expect(waiting).rejects.toThrow('enough');
  });
});
