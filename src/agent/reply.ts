import type { ServerResponse } from 'node:http';
import { streamMediaType } from '../protocol/routes.ts';
import { AgentError } from './agent-error.ts';
import { untilDrained } from './until-drained.ts';

/** Sends one line; resolves when the client has room for more. */
export type SendFrame = (frame: unknown) => Promise<void>;

/** What a handler answers: one JSON value, or lines of JSON as they come. */
export type Reply =
  | { kind: 'json'; body: unknown }
  | { kind: 'stream'; run: (send: SendFrame) => Promise<void> };

/** A stream that says nothing for this long says that it is there. */
const pingMs = 15_000;

/** A client that takes nothing of a stream for this long, or not all of an answer, is given up. */
const stalledMs = 60_000;

const commonHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const;

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  // One that takes nothing would hold the answer, and its place among the calls in progress, for ever.
  const timer = setTimeout(() => response.destroy(), stalledMs);
  response.once('close', () => clearTimeout(timer));
  response.writeHead(status, {
    ...commonHeaders,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': bytes.length,
    ...headers,
  });
  response.end(bytes);
}

/** A refusal. When the request was not read to its end, the connection is closed after it. */
export function sendError(response: ServerResponse, error: AgentError, options: { close: boolean }): void {
  sendJson(response, error.status, error.body, {
    ...error.headers,
    ...(options.close ? { Connection: 'close' } : {}),
  });
}

/**
 * Runs a stream. What fails before the first line is thrown, and becomes an ordinary refusal; what fails later becomes
 * the last line.
 */
export async function sendStream(
  response: ServerResponse,
  run: (send: SendFrame) => Promise<void>,
): Promise<void> {
  let quietSinceMs = performance.now();
  const send: SendFrame = async (frame) => {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { ...commonHeaders, 'Content-Type': streamMediaType });
    quietSinceMs = performance.now();
    if (!response.write(`${JSON.stringify(frame)}\n`)) await untilTaken(response);
  };
  const pings = setInterval(() => {
    if (performance.now() - quietSinceMs >= pingMs && !response.writableNeedDrain)
      void send({ type: 'ping' });
  }, pingMs / 3);
  try {
    await run(send);
  } catch (error) {
    if (!response.headersSent) throw error;
    const known = error instanceof AgentError ? error : new AgentError('internal', 'the agent failed');
    await send({ type: 'error', ...known.body });
  } finally {
    clearInterval(pings);
  }
  response.end();
}

/** One that takes nothing for too long is given up. */
async function untilTaken(response: ServerResponse): Promise<void> {
  const timer = setTimeout(() => response.destroy(), stalledMs);
  await untilDrained(response);
  clearTimeout(timer);
}
