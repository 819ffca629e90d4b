import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { escapeText } from '../lib/escape.ts';
import type { AgentResponse, LogFrame } from '../protocol/response-schemas.ts';
import { connectAgent } from './agent-client.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

/** What the scripts of the first boot have printed. */
export const bootOutputLog = '/var/log/cloud-init-output.log';
/** What cloud-init says about itself. */
export const cloudInitLog = '/var/log/cloud-init.log';

export type LogFile = NonNullable<AgentResponse<'logs'>['files']>[number];
export type LogContent = NonNullable<AgentResponse<'logs'>['content']>;

/** The log files of an instance that can be read. */
export async function listLogs(context: AppContext, instance: Instance): Promise<LogFile[]> {
  const agent = await connectAgent(context, instance);
  return (await agent.ask('logs')).files ?? [];
}

/** @throws SpuffError `not-found` | `agent` for a file that is missing, or that the agent may not read */
export async function readLog(
  context: AppContext,
  instance: Instance,
  request: { file: string; lines: number },
): Promise<LogContent> {
  const agent = await connectAgent(context, instance);
  const { content } = await withListHint(
    instance,
    agent.ask('logs', { file: request.file, lines: String(request.lines) }),
  );
  if (content === null)
    throw new SpuffError('agent', `the agent on ${instance.name} gave no content of ${request.file}`);
  return content;
}

/** The last lines of a log, and what is written to it from then on, until the signal aborts. */
export async function* followLog(
  context: AppContext,
  instance: Instance,
  request: { file: string; lines: number },
): AsyncGenerator<Extract<LogFrame, { type: 'line' | 'rotated' }>> {
  const agent = await connectAgent(context, instance);
  for await (const frame of agent.followLog({ file: request.file, lines: String(request.lines) })) {
    if (frame.type === 'line' || frame.type === 'rotated') yield frame;
  }
}

/**
 * The last lines of the agent's own log, from the journal of the machine. It does not need the agent.
 * @throws SpuffError `agent` when the journal can't be read
 */
export async function readAgentJournal(
  context: AppContext,
  instance: Instance,
  lines: number,
): Promise<string[]> {
  const ssh = await context.ssh();
  const argv = [
    'sudo',
    '-n',
    'journalctl',
    '--unit=spuff-agent',
    `--lines=${lines}`,
    '--no-pager',
    '--output=short-iso',
    '--quiet',
  ];
  const result = await ssh.run(sshTargetOf(instance), argv, { timeoutMs: 30_000, signal: context.signal });
  if (result.exitCode === 0) return result.stdout.split('\n').filter((line) => line !== '');
  throw new SpuffError(
    'agent',
    `the journal of ${instance.name} cannot be read: ${escapeText(result.stderr.trim(), { singleLine: true })}`,
  );
}

/** The agent names its own interface; a person has a command for it. */
async function withListHint<T>(instance: Instance, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof SpuffError) || !['agent', 'not-found'].includes(error.code)) throw error;
    const hints = [`see which logs there are: spuff logs ${instance.name} --list`];
    throw new SpuffError(error.code, error.message, { hints, cause: error });
  }
}
