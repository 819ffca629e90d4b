import type Dockerode from 'dockerode';
import type { CallOptions, Runtime, Vm } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { escapeText } from '../../lib/escape.ts';
import { poll, type RetryPolicy } from '../../lib/retry.ts';
import type { EngineCall } from './engine.ts';
import { getMachine } from './machine-lookup.ts';

export const pollPolicy: RetryPolicy = { firstDelayMs: 50, factor: 1.3, maxDelayMs: 500, jitter: 0.2 };

export async function waitForState(
  call: EngineCall,
  runtime: Runtime,
  id: string,
  want: 'running' | 'stopped' | 'gone',
  options: CallOptions,
): Promise<Vm | null> {
  const reached = await poll(
    async () => {
      const vm = await getMachine(call.docker, id);
      if (vm === null) {
        if (want === 'gone') return { vm: null };
        throw waitFailure('not-found', `the machine is gone; it was to be ${want}`);
      }
      if (vm.state === want) return { vm };
      const over = vm.state === 'failed' || (want === 'running' && vm.state === 'stopped');
      if (over && want !== 'gone') throw await describeFailure(call.docker, vm, want);
      return undefined;
    },
    { policy: pollPolicy, runtime, signal: call.signal, deadlineMs: options.deadline.getTime() },
  );
  if (reached) return reached.vm;
  throw waitFailure('timeout', `the machine was not ${want} in time`);
}

function waitFailure(
  code: 'not-found' | 'timeout' | 'action-failed',
  message: string,
  hints: string[] = [],
): ProviderError {
  return new ProviderError(code, message, {
    provider: 'local',
    op: 'waitFor',
    retryable: code === 'timeout',
    hints,
  });
}

/** Says what the engine and the console of a machine that did not come up said last. */
async function describeFailure(docker: Dockerode, vm: Vm, want: string): Promise<ProviderError> {
  const container = docker.getContainer(vm.id);
  const { State } = await container.inspect();
  const console = await readConsole(container);
  const why = State.OOMKilled ? 'it ran out of memory' : `exit status ${State.ExitCode}`;
  const said = State.Error === '' ? '' : `: ${escapeText(State.Error, { singleLine: true }).slice(0, 300)}`;
  return waitFailure(
    'action-failed',
    `the machine is ${vm.rawState} and was to be ${want} (${why})${said}`,
    console.map((line) => `its console said: ${line}`),
  );
}

/** The last lines of the machine's console, safe to print; none when the engine keeps no log. */
async function readConsole(container: Dockerode.Container): Promise<string[]> {
  try {
    const log = await container.logs({ stdout: true, stderr: true, tail: 10, follow: false });
    return stripFrames(log)
      .split('\n')
      .map((line) => escapeText(line.trimEnd(), { singleLine: true }).slice(0, 200))
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}

/**
 * Takes the text out of a log: each piece has 8 bytes before it, of which the last 4 are its length.
 * @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export function stripFrames(log: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= log.length; ) {
    const length = log.readUInt32BE(at + 4);
    pieces.push(log.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString('utf8');
}
