import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '../protocol/routes.ts';
import { AgentError } from './agent-error.ts';

/** What a schema of the protocol can do; the type keeps this file from loading zod. */
interface InputSchema {
  safeParse(value: unknown): {
    success: boolean;
    data?: unknown;
    error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
  };
}

/**
 * The checked query of a GET, or the checked body of a POST.
 * @throws AgentError `bad-request` | `too-large` | `unsupported-media-type`
 */
export async function readInput(
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
  schema: InputSchema,
  query: string,
): Promise<unknown> {
  if (route.method === 'GET') {
    if (hasBody(request)) throw new AgentError('bad-request', 'a GET has no body');
    return check(schema, parseQuery(query));
  }
  if (query !== '') throw new AgentError('bad-request', 'a POST has no query');
  return check(schema, parseJson(await readBody(request, response, route.bodyLimitBytes)));
}

function hasBody(request: IncomingMessage): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  limitBytes: number,
): Promise<Buffer> {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new AgentError('unsupported-media-type', 'the body must be application/json');
  if (request.headers['content-encoding'] !== undefined) {
    throw new AgentError('unsupported-media-type', 'the body must not be compressed');
  }
  const tooLarge = () => new AgentError('too-large', `the body is larger than ${limitBytes} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge();
  if (request.headers.expect !== undefined) response.writeContinue();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new AgentError('bad-request', 'the body is not JSON in UTF-8');
  }
}

function parseQuery(query: string): Record<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (values.has(name)) throw new AgentError('bad-request', 'the query gives a name twice');
    values.set(name, value);
  }
  return Object.fromEntries(values);
}

function check(schema: InputSchema, value: unknown): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error?.issues[0];
  // The message is zod's, about our own schema; it repeats the names of unknown keys, so it is held short.
  const where = issue?.path.map(String).join('.').slice(0, 100);
  const what = JSON.stringify(
    `${where ? `${where}: ` : ''}${issue?.message ?? 'invalid'}`.slice(0, 300),
  ).slice(1, -1);
  throw new AgentError('bad-request', what, { hint: 'docs/agent.md lists what each route takes' });
}
