import { connect } from 'node:net';
import type { Runtime } from '../domain/provider.ts';

/** Between two looks, when the last one was refused at once. */
const intervalMs = 50;
/** A packet that a booting machine dropped is only sent again after a second: a new connection is quicker. */
const attemptMs = 1_000;

/**
 * Waits until something greets with an SSH banner (RFC 4253, section 4.2). Much cheaper than starting ssh each time: it
 * trusts nothing, it only tells when a login is worth a try. An open port alone is not enough: a port forwarder has it
 * open long before the machine is up.
 * @returns false when `deadlineMs` passed first
 * @throws the abort reason when `signal` aborts
 */
export async function waitForBanner(
  address: { host: string; port: number },
  options: { runtime: Runtime; deadlineMs: number; signal: AbortSignal },
): Promise<boolean> {
  const { runtime, deadlineMs, signal } = options;
  for (;;) {
    signal.throwIfAborted();
    if (await readsBanner(address, signal)) return true;
    if (runtime.now() + intervalMs > deadlineMs) return false;
    await runtime.sleep(intervalMs, signal);
  }
}

/** One look. Reads no more than the first four bytes' worth, and says nothing. */
export async function readsBanner(
  address: { host: string; port: number },
  signal: AbortSignal,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: address.host, port: address.port });
  let greeting = '';
  socket.setTimeout(attemptMs, () => resolve(false));
  socket.on('data', (chunk: Buffer) => {
    greeting += chunk.toString('latin1');
    if (greeting.length >= 4) resolve(greeting.startsWith('SSH-'));
  });
  socket.on('error', () => resolve(false));
  socket.on('close', () => resolve(false));
  const onAbort = () => resolve(false);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}
