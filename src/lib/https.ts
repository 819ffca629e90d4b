/**
 * HTTPS to the API of a cloud (W1): TLS 1.2 or newer, the certificate verified, no redirect ever followed, every answer
 * bounded in time and size. A plain connection is for this computer alone: a simulator in a test, say.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';

export interface HttpsRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: URL;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** Until the answer has come whole. */
  timeoutMs: number;
  /** Of the body. */
  maxBytes: number;
  signal: AbortSignal;
  /** On a connection of its own: one that is kept may be closed by the other end just as a request goes out. */
  fresh?: boolean;
}

export interface HttpsAnswer {
  status: number;
  /** By lower-case name; the values of a repeated header joined by `, `. */
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** No answer, or none that can be used. */
export class TransportError extends Error {
  readonly kind: 'unreachable' | 'untrusted' | 'broken' | 'timeout' | 'too-large';
  /** False only when the other end provably got nothing of the request. */
  readonly sent: boolean;

  constructor(kind: TransportError['kind'], sent: boolean, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'TransportError';
    this.kind = kind;
    this.sent = sent;
  }
}

/** Connections that have been made. Node does not call one reused that goes to a request which waited for it. */
const standing = new WeakSet<object>();

const keptConnections = new Map<'http:' | 'https:', import('node:http').Agent>();

/**
 * Checks an API's address before anything is sent to it.
 * @throws SpuffError `config` for a plain address that is not of this computer, one with a password in it, and where the
 * environment switches the verification of certificates off
 */
export function checkApiAddress(address: string, env: NodeJS.ProcessEnv = process.env): URL {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    throw new SpuffError(
      'config',
      'NODE_TLS_REJECT_UNAUTHORIZED=0 would hand your token to anyone in the middle',
      {
        hints: [
          'unset it: unset NODE_TLS_REJECT_UNAUTHORIZED',
          'to trust an authority of your own: NODE_EXTRA_CA_CERTS=/path/to/ca.pem',
        ],
      },
    );
  }
  const url = URL.parse(address);
  const shown = JSON.stringify(address.replace(/\/\/[^/]*@/, '//…@'));
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new SpuffError('config', `${shown} is not the address of an API`, { hints: ['write https://…'] });
  if (url.username !== '' || url.password !== '')
    throw new SpuffError('config', `${shown} has a user or a password in it`, { hints: ['leave them out'] });
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new SpuffError('config', `${shown} is not encrypted: your token could be read on the way`, {
      hints: ['write https:// instead of http://', 'plain http is for this computer alone (127.0.0.1)'],
    });
  }
  return url;
}

/** By number only: what a name means is the resolver's to say. */
function isLoopback(host: string): boolean {
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) || host === '[::1]';
}

/**
 * Sends a request and reads the answer to its end. Whatever its status is, it is an answer; a redirect is one too, and
 * nothing goes to where it points.
 * @throws TransportError; what `signal` aborts with
 */
export async function requestHttps(request: HttpsRequest): Promise<HttpsAnswer> {
  request.signal.throwIfAborted();
  const timeout = AbortSignal.timeout(Math.max(1, Math.min(request.timeoutMs, 2_147_483_647)));
  const state: SendState = { sent: false };
  try {
    const answer = await openAnswer(request, AbortSignal.any([request.signal, timeout]), state);
    return {
      status: answer.statusCode ?? 0,
      headers: joinHeaders(answer.headers),
      body: await readBody(answer, request.maxBytes),
    };
  } catch (error) {
    request.signal.throwIfAborted();
    throw toTransportError(request, error, state, timeout.aborted);
  }
}

interface SendState {
  sent: boolean;
}

async function openAnswer(
  request: HttpsRequest,
  signal: AbortSignal,
  state: SendState,
): Promise<IncomingMessage> {
  const { url, method, headers, body } = request;
  const secure = url.protocol === 'https:';
  const module = process.getBuiltinModule(secure ? 'node:https' : 'node:http');
  return await new Promise((resolve, reject) => {
    const sent: ClientRequest = module.request(url, {
      method,
      signal,
      agent: request.fresh ? new module.Agent() : keptAgent(url.protocol as 'http:' | 'https:'),
      headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
      ...(secure && { minVersion: 'TLSv1.2', rejectUnauthorized: true }),
    });
    // From the moment that the connection stands, bytes may have got through.
    sent.on('socket', (socket) => {
      if (sent.reusedSocket || standing.has(socket)) {
        state.sent = true;
        return;
      }
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        standing.add(socket);
        state.sent = true;
      });
    });
    sent.on('response', resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

function keptAgent(protocol: 'http:' | 'https:'): import('node:http').Agent {
  const kept = keptConnections.get(protocol);
  if (kept) return kept;
  const module = process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
  const agent = new module.Agent({ keepAlive: true, maxSockets: 8 });
  keptConnections.set(protocol, agent);
  return agent;
}

function joinHeaders(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

async function readBody(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes)
      throw new TransportError('too-large', true, `the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Codes of OpenSSL and Node for a certificate that proves nothing; `ERR_SSL_…` is a handshake that came to nothing. */
const untrusted =
  /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
const unreachable = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
];

function toTransportError(
  request: HttpsRequest,
  error: unknown,
  state: SendState,
  timedOut: boolean,
): unknown {
  if (error instanceof TransportError) return error;
  const host = request.url.host;
  if (timedOut) {
    const seconds = Math.round(request.timeoutMs / 100) / 10;
    return new TransportError('timeout', state.sent, `${host} did not answer within ${seconds} s`, error);
  }
  const code = innerCode(error);
  if (code === undefined) return error;
  if (untrusted.test(code))
    return new TransportError('untrusted', state.sent, `${host} did not prove who it is (${code})`, error);
  if (unreachable.includes(code))
    return new TransportError('unreachable', state.sent, `${host} can't be reached (${code})`, error);
  return new TransportError('broken', state.sent, `the connection to ${host} broke (${code})`, error);
}

/** Where a name has several addresses, Node collects what went wrong with each. */
function innerCode(error: unknown): string | undefined {
  if (error instanceof AggregateError)
    return error.errors.map(systemErrorCode).find((code) => code !== undefined);
  return systemErrorCode(error);
}
