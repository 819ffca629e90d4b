import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemErrorCode } from '../domain/errors.ts';

/**
 * Lets one caller at a time do its work, over processes. The lock is held by listening on a Unix socket, so it ends with
 * its holder, however that ends, and those who wait are woken by the connection that breaks.
 * @throws what `work` throws, and the abort reason when `signal` aborts the wait
 */
export async function withSocketLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    const waiting = new Set<Socket>();
    const server = await tryToListen(path, waiting);
    if (!server) {
      await waitForHolder(path, signal);
      continue;
    }
    try {
      return await work();
    } finally {
      // Removes the socket first, so that whoever wakes up finds the place free.
      server.close();
      for (const socket of waiting) socket.destroy();
    }
  }
}

/** null when somebody holds it, or died holding it. */
async function tryToListen(path: string, waiting: Set<Socket>): Promise<Server | null> {
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => waiting.delete(socket));
  });
  try {
    server.listen(path);
    await once(server, 'listening');
    return server;
  } catch (error) {
    if (systemErrorCode(error) === 'EADDRINUSE') return null;
    throw error;
  }
}

async function waitForHolder(path: string, signal: AbortSignal | undefined): Promise<void> {
  const socket = connect(path);
  socket.resume();
  const onAbort = () => socket.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('close', () => resolve());
  socket.on('error', (error) => {
    // Nobody listens: the holder was killed and left the file.
    if (systemErrorCode(error) === 'ECONNREFUSED') rmSync(path, { force: true });
  });
  await promise;
  signal?.removeEventListener('abort', onAbort);
}
