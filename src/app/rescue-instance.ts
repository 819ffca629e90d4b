/** Saves the work on a machine that nobody has anywhere else. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { readTrailer } from '../domain/read-rescue.ts';
import {
  type Rescue,
  type RescueLimits,
  type RescueTrailer,
  type RescueWriter,
  rescueSlackBytes,
} from '../domain/rescue.ts';
import type { RunResult } from '../domain/ssh.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

/** The runtime that the agent has there: any machine of spuff's can run it. */
const runtimePath = '/usr/lib/spuff/agent/current/node';

export interface RescueRequest {
  limits: RescueLimits;
  timeoutMs: number;
}

export interface RescueOutcome {
  /** null: there was nothing to save. */
  rescue: Rescue | null;
  trailer: RescueTrailer;
}

/**
 * Has a machine send what it has, and keeps it encrypted. Nothing is kept of what did not arrive as a whole, and nothing is
 * changed on the machine.
 * @throws SpuffError `connection` and the others of a login, `timeout`, `interrupted`; `agent` when the machine can't, or sends
 * something else; `config` | `state` | `permission` when it can't be kept here
 */
export async function rescueInstance(
  context: AppContext,
  instance: Instance,
  request: RescueRequest,
): Promise<RescueOutcome> {
  const { name: instanceName, key: instanceKey, provider } = instance;
  const { rescueTo: recipients } = await context.settings();
  const store = await context.rescues();
  const step = context.progress.start(`work on ${instanceName} saved`);
  let writer: RescueWriter | null = null;
  try {
    writer = await store.begin({ instanceName, instanceKey, provider, recipients });
    const trailer = await receive(context, instance, request, writer);
    const isEmpty = trailer.repositories === 0 && trailer.leftOut === 0;
    if (isEmpty) await writer.discard();
    const rescue = isEmpty ? null : await writer.keep(trailer.lost === 0);
    step.done(isEmpty ? 'nothing to save' : undefined);
    return { rescue, trailer };
  } catch (error) {
    step.fail();
    await writer?.discard();
    throw error;
  }
}

async function receive(
  context: AppContext,
  instance: Instance,
  { limits, timeoutMs }: RescueRequest,
  writer: RescueWriter,
): Promise<RescueTrailer> {
  const { rescuePath } = await context.agentPackage();
  const numbers = [limits.maxFileBytes, limits.maxFilesBytes, limits.maxHistoryBytes].map(String);
  const mostBytes = limits.maxFilesBytes + limits.maxHistoryBytes + rescueSlackBytes;
  const tooMuch = new AbortController();
  const hash = createHash('sha256');
  let bytes = 0;
  const onOutput = async (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > mostBytes) tooMuch.abort();
    if (tooMuch.signal.aborted) return;
    hash.update(chunk);
    await writer.write(chunk);
  };
  const ssh = await context.ssh();
  const signal = AbortSignal.any([context.signal, tooMuch.signal, AbortSignal.timeout(timeoutMs)]);
  const options = { stdin: await readFile(rescuePath), signal, timeoutMs, onOutput };
  const result = await ssh
    .run(sshTargetOf(instance), [runtimePath, '-', ...numbers], options)
    .catch((error: unknown) => {
      if (tooMuch.signal.aborted) throw sentTooMuch(instance, mostBytes);
      if (signal.aborted && !context.signal.aborted) throw tookTooLong(instance, timeoutMs, error);
      throw error;
    });
  if (tooMuch.signal.aborted) throw sentTooMuch(instance, mostBytes);
  return checkTrailer(instance, result, { bytes, sha256: hash.digest('hex') });
}

/** A machine that is cut off in the middle can't say this, nor can a line that drops or doubles something. */
function checkTrailer(
  { name }: Instance,
  { exitCode, stderr }: RunResult,
  received: Pick<RescueTrailer, 'bytes' | 'sha256'>,
): RescueTrailer {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  if (exitCode === 126 || exitCode === 127) {
    throw new SpuffError('agent', `${name} has no runtime that its work could be saved with`, {
      hints: [`bring it there: spuff agent upgrade ${name}`, `or copy by hand: spuff cp -r ${name}:DIR .`],
    });
  }
  const trailer = exitCode === 0 ? readTrailer(last) : null;
  if (trailer?.bytes === received.bytes && trailer.sha256 === received.sha256) return trailer;
  const said = escapeText(last.slice(0, 300), { singleLine: true });
  const why = exitCode === 0 ? 'what it sent is not whole' : said || `it ended with status ${exitCode}`;
  throw new SpuffError('agent', `the work on ${name} could not be saved: ${why}`, {
    hints: [`try again: spuff rescue ${name}`],
  });
}

function sentTooMuch({ name }: Instance, bytes: number): SpuffError {
  return new SpuffError('agent', `${name} sent more than the ${bytes} bytes that it was allowed`, {
    hints: [`look at what runs there: spuff ssh ${name}`],
  });
}

function tookTooLong({ name }: Instance, timeoutMs: number, cause: unknown): SpuffError {
  return new SpuffError(
    'timeout',
    `${name} did not send its work within ${Math.round(timeoutMs / 1_000)} s`,
    {
      hints: [`give it longer: spuff rescue ${name} --timeout 30m`],
      cause,
    },
  );
}
