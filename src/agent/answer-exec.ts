import { isUtf8 } from 'node:buffer';
import type { AgentRequest } from '../protocol/request-schemas.ts';
import type { AgentResponse, ExecFrame } from '../protocol/response-schemas.ts';
import { AgentError } from './agent-error.ts';
import type { ExecOrder } from './exec-frames.ts';
import type { Executor } from './execute.ts';
import type { Reply } from './reply.ts';
import type { CallContext } from './server.ts';

/** One JSON answer is held in memory: whoever wants more asks for a stream. */
const maxAnswerBytes = 1024 * 1024;

/** Runs the command, and answers at its end or as it goes, as the client asked. The client's going away ends it. */
export async function answerExec(
  executor: Executor,
  request: AgentRequest<'exec'>,
  { signal, wantsStream }: CallContext,
): Promise<Reply> {
  const order: ExecOrder = {
    argv: request.argv,
    cwd: request.cwd ?? null,
    timeoutMs: request.timeoutSeconds * 1_000,
    maxOutputBytes: request.maxOutputBytes,
  };
  if (wantsStream) return { kind: 'stream', run: (send) => stream(executor, order, signal, send) };
  if (order.maxOutputBytes > maxAnswerBytes) {
    throw new AgentError('bad-request', `maxOutputBytes is at most ${maxAnswerBytes} without a stream`);
  }
  return { kind: 'json', body: await collect(executor, order, signal) };
}

async function stream(
  executor: Executor,
  order: ExecOrder,
  signal: AbortSignal,
  send: (frame: ExecFrame) => Promise<void>,
): Promise<void> {
  const result = await executor.run(
    order,
    {
      onStart: ({ id, startedAt }) => void send({ type: 'start', id, startedAt: startedAt.toISOString() }),
      onOutput: (type, data) => send({ type, data: data.toString('base64') }),
    },
    signal,
  );
  await send({ type: 'end', ...result });
}

async function collect(
  executor: Executor,
  order: ExecOrder,
  signal: AbortSignal,
): Promise<AgentResponse<'exec'>> {
  const chunks: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  let startedAt = new Date();
  const result = await executor.run(
    order,
    {
      onStart: (start) => {
        startedAt = start.startedAt;
      },
      onOutput: (kind, data) => void chunks[kind].push(data),
    },
    signal,
  );
  return {
    ...result,
    startedAt: startedAt.toISOString(),
    stdout: toOutput(Buffer.concat(chunks.stdout)),
    stderr: toOutput(Buffer.concat(chunks.stderr)),
  };
}

function toOutput(bytes: Buffer): AgentResponse<'exec'>['stdout'] {
  return isUtf8(bytes)
    ? { text: bytes.toString('utf8'), encoding: 'utf8' }
    : { text: bytes.toString('base64'), encoding: 'base64' };
}
