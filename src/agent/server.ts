import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AgentRequest } from '../protocol/request-schemas.ts';
import { requestSchemas } from '../protocol/request-schemas.ts';
import { type AgentErrorCode, agentErrors, type Route, type RouteName, routes } from '../protocol/routes.ts';
import { AgentError } from './agent-error.ts';
import { isHostRight, type TokenCheck, unauthorized, wrongHost } from './check-request.ts';
import { createRateLimit, type RateLimit } from './rate-limit.ts';
import { readInput } from './read-input.ts';
import { type Reply, sendError, sendJson, sendStream } from './reply.ts';

export interface CallContext {
  /** Aborts when the client goes away. */
  signal: AbortSignal;
  /** Whether the client asked for lines instead of one answer. */
  wantsStream: boolean;
}

export type Handlers = {
  [Name in RouteName]: (input: AgentRequest<Name>, context: CallContext) => Promise<Reply> | Reply;
};

export interface ServerOptions {
  handlers: Handlers;
  isTokenRight: TokenCheck;
  allowedHosts: ReadonlySet<string>;
  limits: SharedLimits;
  /** Calls without the token, on this listener alone: others can reach the other one. */
  strangers: RateLimit;
  /** Called for each accepted call, before its handler. */
  onCall: (name: RouteName) => void;
  /** For what is not the client's doing. */
  onFailure: (error: unknown) => void;
}

export const serverLimits = {
  /** Open connections on each listener. */
  connections: 64,
  headerBytes: 8 * 1024,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 20_000,
  keepAliveTimeoutMs: 60_000,
  /** Calls in progress on both listeners together. */
  callsInProgress: 32,
  /** Calls with the token, a second; and at once. */
  calls: { perSecond: 50, burst: 200 },
  /** Calls without, on each listener: `/health` and refusals. */
  strangers: { perSecond: 20, burst: 100 },
} as const;

/**
 * What is counted. Calls with the token are counted apart, so that strangers can't use them up, and strangers by
 * listener: every user of the machine reaches the TCP port, but the socket is for root and the login user.
 */
export interface SharedLimits {
  calls: RateLimit;
  strangers: { tcp: RateLimit; unix: RateLimit };
  inProgress: number;
}

export function createSharedLimits(monotonicMs: () => number): SharedLimits {
  return {
    calls: createRateLimit(serverLimits.calls, monotonicMs),
    strangers: {
      tcp: createRateLimit(serverLimits.strangers, monotonicMs),
      unix: createRateLimit(serverLimits.strangers, monotonicMs),
    },
    inProgress: 0,
  };
}

/** One listener of the agent. The caller makes it listen. */
export function createAgentServer(options: ServerOptions): Server {
  const server = createServer({
    maxHeaderSize: serverLimits.headerBytes,
    headersTimeout: serverLimits.headersTimeoutMs,
    requestTimeout: serverLimits.requestTimeoutMs,
    keepAliveTimeout: serverLimits.keepAliveTimeoutMs,
    connectionsCheckingInterval: 2_500,
    noDelay: true,
  });
  server.maxConnections = serverLimits.connections;
  // A connection that never says anything is not counted by the time-outs of requests.
  server.on('connection', (socket: Socket) => socket.setTimeout(serverLimits.headersTimeoutMs));
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    request.socket.setTimeout(0);
    void answer(request, response, options);
  };
  server.on('request', serve);
  server.on('checkContinue', serve);
  server.on('checkExpectation', serve);
  server.on('clientError', refuseMalformed);
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const abort = new AbortController();
  const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
  response.once('close', () => abort.abort());
  response.on('error', () => abort.abort());
  const isOwner = options.isTokenRight(request);
  // A stranger's connection ends with its answer: kept open, a few dozen of them would be all that there may be.
  if (!isOwner) response.setHeader('Connection', 'close');
  let counted = false;
  try {
    const { name, route, query } = admit(request, isOwner, options);
    if (options.limits.inProgress >= serverLimits.callsInProgress) {
      throw new AgentError('busy', 'too many calls are in progress', { headers: { 'Retry-After': '1' } });
    }
    options.limits.inProgress++;
    counted = true;
    const input = await readInput(request, response, route, requestSchemas[name], query);
    options.onCall(name);
    const wantsStream = (request.headers.accept ?? '').includes('application/x-ndjson');
    // The input has passed the schema of this very route, which is what the handler's type says.
    const handler = options.handlers[name] as (
      input: unknown,
      context: CallContext,
    ) => Promise<Reply> | Reply;
    const reply = await handler(input, { signal: abort.signal, wantsStream });
    if (reply.kind === 'json') sendJson(response, 200, reply.body);
    else await sendStream(response, reply.run);
  } catch (error) {
    refuse(request, response, error, options);
  }
  if (!counted) return;
  // An answer takes up memory until its reader has it, not only until it is made.
  await closed;
  options.limits.inProgress--;
}

/** Decides from the request line and headers alone; nothing of a stranger's is read further. */
function admit(
  request: IncomingMessage,
  isOwner: boolean,
  options: ServerOptions,
): { name: RouteName; route: Route; query: string } {
  const isCalledRight = isHostRight(request, options.allowedHosts);
  // Whoever lured a browser here has no token, and whoever has it knows the name.
  pass(isOwner && isCalledRight ? options.limits.calls : options.strangers);
  if (!isCalledRight) throw wrongHost();
  const target = request.url ?? '';
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);
  const found = findRoute(path);
  const isOpen = found !== undefined && !found.route.authenticated && found.route.method === request.method;
  if (!isOpen && !isOwner) throw unauthorized();
  if (!found) throw new AgentError('not-found', 'there is no such route');
  if (found.route.method !== request.method) {
    throw new AgentError('method-not-allowed', `this route takes ${found.route.method}`, {
      headers: { Allow: found.route.method },
    });
  }
  return { ...found, query };
}

function findRoute(path: string): { name: RouteName; route: Route } | undefined {
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][])
    if (route.path === path) return { name, route };
  return undefined;
}

function pass(limit: RateLimit): void {
  const waitMs = limit.take();
  if (waitMs === 0) return;
  throw new AgentError('rate-limited', 'too many calls', {
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1_000)) },
  });
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  options: ServerOptions,
): void {
  const known =
    error instanceof AgentError
      ? error
      : new AgentError('internal', 'the agent failed; its journal says how');
  if (!(error instanceof AgentError) && !response.destroyed) options.onFailure(error);
  sendError(response, known, { close: !request.complete });
}

/** What Node's parser refuses before there is a request. */
function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code: AgentErrorCode =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'headers-too-large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request-timeout'
        : 'bad-request';
  const { body } = new AgentError(code, 'the request is not well-formed, too large, or took too long');
  const text = `${JSON.stringify(body)}\n`;
  socket.end(
    `HTTP/1.1 ${agentErrors[code]} Refused\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}
