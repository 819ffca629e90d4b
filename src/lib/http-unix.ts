/** HTTP/1.1 to a server on a Unix socket: small answers as a whole, long ones line by line. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';

export interface SocketRequest {
  socketPath: string;
  method: 'GET' | 'POST';
  /** With the query string. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** Until the answer has come whole; for a stream, between two pieces of it. */
  timeoutMs: number;
  /** Of the body; for a stream, of one line. */
  maxBytes: number;
  signal: AbortSignal;
}

export interface SocketAnswer {
  status: number;
  body: string;
}

/**
 * Sends a request and reads the answer to its end.
 * @throws SpuffError `agent` when nobody listens, the answer is cut short or longer than `maxBytes`; `timeout`;
 * `interrupted` when `signal` aborts
 */
export async function requestOverSocket(request: SocketRequest): Promise<SocketAnswer> {
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([request.signal, timeout]);
  try {
    const answer = await openAnswer(request, signal);
    return { status: answer.statusCode ?? 0, body: await readBody(answer, request.maxBytes) };
  } catch (error) {
    throw toAnswerError(request, error, timeout.aborted);
  }
}

/**
 * Sends a request and gives the lines of the answer as they come. Leaving the loop ends the connection.
 * @throws like `requestOverSocket`; `onRefusal` makes the error of an answer that is not 200
 */
export async function* streamOverSocket(
  request: SocketRequest,
  onRefusal: (answer: SocketAnswer) => Error,
): AsyncGenerator<string> {
  const silence = new AbortController();
  const restart = () => setTimeout(() => silence.abort(), request.timeoutMs);
  let timer = restart();
  try {
    const answer = await openAnswer(request, AbortSignal.any([request.signal, silence.signal]));
    if (answer.statusCode !== 200) {
      throw onRefusal({ status: answer.statusCode ?? 0, body: await readBody(answer, request.maxBytes) });
    }
    for await (const line of splitLines(answer, request.maxBytes)) {
      // The time that the reader takes for a line is no silence of the other side.
      clearTimeout(timer);
      yield line;
      timer = restart();
    }
  } catch (error) {
    throw toAnswerError(request, error, silence.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
}

async function openAnswer(request: SocketRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const http = process.getBuiltinModule('node:http');
  signal.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const { socketPath, method, path, headers, body } = request;
    const sent: ClientRequest = http.request({
      socketPath,
      method,
      path,
      signal,
      agent: false,
      headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
    });
    sent.on('response', resolve);
    sent.on('error', reject);
    sent.end(body);
  });
}

async function readBody(answer: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* splitLines(answer: IncomingMessage, maxBytes: number): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      yield Buffer.concat([rest, chunk.subarray(from, end)]).toString('utf8');
      rest = Buffer.alloc(0);
      from = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(from)]);
    if (rest.length > maxBytes) throw tooLong(maxBytes);
  }
  if (rest.length > 0) yield rest.toString('utf8');
}

function tooLong(maxBytes: number): SpuffError {
  return new SpuffError('agent', `the answer is longer than ${maxBytes} bytes`);
}

function toAnswerError(request: SocketRequest, error: unknown, timedOut: boolean): unknown {
  if (error instanceof SpuffError) return error;
  if (request.signal.aborted) return new SpuffError('interrupted', 'stopped', { cause: error });
  const what = `${request.method} ${request.path.split('?')[0]}`;
  if (timedOut) {
    return new SpuffError('timeout', `no answer to ${what} within ${request.timeoutMs / 1_000} s`, {
      cause: error,
    });
  }
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  return new SpuffError('agent', `no answer to ${what}: the connection failed (${code})`, { cause: error });
}
