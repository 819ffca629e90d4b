/** Talks to spuff-agent on an instance, through the Unix socket that SSH forwards. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { escapeText } from '../lib/escape.ts';
import {
  requestOverSocket,
  type SocketAnswer,
  type SocketRequest,
  streamOverSocket,
} from '../lib/http-unix.ts';
import type { AgentRequestInput } from '../protocol/request-schemas.ts';
import type { AgentResponse, LogFrame } from '../protocol/response-schemas.ts';
import { agentHostName, type RouteName, routes, streamMediaType, tokenHeader } from '../protocol/routes.ts';
import { compareVersions, spuffVersion } from '../protocol/version.ts';
import type { AppContext } from './context.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

export interface AgentClient {
  /** @throws SpuffError `agent` naming the instance and what the agent said */
  ask<Name extends RouteName>(route: Name, input?: AgentRequestInput<Name>): Promise<AgentResponse<Name>>;
  /** The lines of a log as they are written. Ends only by an error, or when the loop is left. */
  followLog(input: AgentRequestInput<'logsStream'>): AsyncIterable<LogFrame>;
}

const answerLimitBytes = 8 * 1024 * 1024;
const timeoutMs = 15_000;
/** The agent sends a ping well within this. */
const silenceMs = 60_000;

/**
 * Connects, and compares versions: another version is a warning, another protocol an error; both name the remedy.
 * @throws SpuffError `conflict` for an instance that is not ready, `connection`, `agent`
 */
export async function connectAgent(context: AppContext, instance: Instance): Promise<AgentClient> {
  requireReady(instance);
  const ssh = await context.ssh();
  const socketPath = await ssh.openChannel(sshTargetOf(instance));
  const client = createAgentClient(instance, { socketPath, signal: context.signal });
  const health = await client.ask('health');
  const match = compareVersions(health);
  const version = escapeText(health.version, { singleLine: true });
  const upgrade = [`bring it to ${spuffVersion}: spuff agent upgrade ${instance.name}`];
  if (match === 'other-protocol') {
    throw new SpuffError(
      'agent',
      `the agent on ${instance.name} (${version}) speaks another protocol than this spuff`,
      {
        hints: upgrade,
      },
    );
  }
  if (match === 'other-version') {
    context.progress.warn(
      `the agent on ${instance.name} is ${version}, this spuff is ${spuffVersion}`,
      upgrade,
    );
  }
  return client;
}

export function createAgentClient(
  instance: Pick<Instance, 'name' | 'agentToken'>,
  options: { socketPath: string; signal: AbortSignal },
): AgentClient {
  return {
    ask: async (route, input) => {
      const request = buildRequest(instance, route, input ?? {}, options);
      const answer = await inNameOf(instance, requestOverSocket(request));
      if (answer.status !== 200) throw await refusal(instance, answer);
      const { responseSchemas } = await import('../protocol/response-schemas.ts');
      return parseAnswer(
        instance,
        responseSchemas[route] as Schema<AgentResponse<typeof route>>,
        answer.body,
      );
    },
    followLog: (input) => followLog(instance, input, options),
  };
}

async function* followLog(
  instance: Pick<Instance, 'name' | 'agentToken'>,
  input: AgentRequestInput<'logsStream'>,
  options: { socketPath: string; signal: AbortSignal },
): AsyncGenerator<LogFrame> {
  const { logFrame, errorResponse } = await import('../protocol/response-schemas.ts');
  const request = { ...buildRequest(instance, 'logsStream', input, options), timeoutMs: silenceMs };
  const lines = streamOverSocket(request, (answer) => refusalOf(instance, answer, errorResponse));
  for await (const line of lines) {
    const frame = parseAnswer(instance, logFrame, line);
    if (frame.type === 'error') throw agentError(instance, frame.error);
    yield frame;
  }
}

function buildRequest(
  instance: Pick<Instance, 'agentToken'>,
  name: RouteName,
  input: object,
  options: { socketPath: string; signal: AbortSignal },
): SocketRequest {
  const route = routes[name];
  const query = new URLSearchParams();
  if (route.method === 'GET') {
    for (const [key, value] of Object.entries(input)) if (value !== undefined) query.set(key, String(value));
  }
  return {
    ...options,
    method: route.method,
    path: query.size > 0 ? `${route.path}?${query}` : route.path,
    headers: {
      host: agentHostName,
      accept: name === 'logsStream' ? streamMediaType : 'application/json',
      // Also where it is not needed: without it this would be a stranger, who is answered only now and then.
      [tokenHeader]: instance.agentToken.reveal(),
      ...(route.method === 'POST' && { 'content-type': 'application/json' }),
    },
    ...(route.method === 'POST' && { body: JSON.stringify(input) }),
    timeoutMs,
    maxBytes: answerLimitBytes,
  };
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: Error };
}

function parseAnswer<T>(instance: Pick<Instance, 'name'>, schema: Schema<T>, body: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw misunderstood(instance, error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw misunderstood(instance, parsed.error);
}

function misunderstood(instance: Pick<Instance, 'name'>, cause: unknown): SpuffError {
  return new SpuffError(
    'agent',
    `the agent on ${instance.name} gave an answer that this spuff does not understand`,
    {
      hints: [`bring it to ${spuffVersion}: spuff agent upgrade ${instance.name}`],
      cause,
    },
  );
}

async function refusal(instance: Pick<Instance, 'name'>, answer: SocketAnswer): Promise<SpuffError> {
  const { errorResponse } = await import('../protocol/response-schemas.ts');
  return refusalOf(instance, answer, errorResponse);
}

function refusalOf(
  instance: Pick<Instance, 'name'>,
  answer: SocketAnswer,
  schema: Schema<{ error: AgentComplaint }>,
): SpuffError {
  try {
    return agentError(instance, parseAnswer(instance, schema, answer.body).error);
  } catch (error) {
    const message = `the agent on ${instance.name} answered with HTTP status ${answer.status}`;
    return new SpuffError('agent', message, { cause: error });
  }
}

interface AgentComplaint {
  code: string;
  message: string;
  hint: string | null;
}

function agentError(instance: Pick<Instance, 'name'>, complaint: AgentComplaint): SpuffError {
  const code = complaint.code === 'not-found' ? 'not-found' : 'agent';
  return new SpuffError(code, `${instance.name}: ${escapeText(complaint.message, { singleLine: true })}`, {
    hints: complaint.hint === null ? [] : [escapeText(complaint.hint, { singleLine: true })],
  });
}

/** Says whose agent it is that did not answer, and how to look into it without the agent. */
async function inNameOf<T>(instance: Pick<Instance, 'name'>, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof SpuffError) || (error.code !== 'agent' && error.code !== 'timeout')) throw error;
    throw new SpuffError(error.code, `the agent on ${instance.name} did not answer: ${error.message}`, {
      hints: [`see what it says: spuff exec ${instance.name} -- sudo systemctl status spuff-agent`],
      cause: error,
    });
  }
}
