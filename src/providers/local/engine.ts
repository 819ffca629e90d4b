import type Dockerode from 'dockerode';
import { SpuffError } from '../../domain/errors.ts';
import { type CallOptions, ProviderError, type Runtime } from '../../domain/provider.ts';
import { statusOf, toProviderError } from './engine-errors.ts';
import { type EngineAddress, findEngine } from './engine-socket.ts';

export interface EngineDeps {
  runtime: Runtime;
  engineSocket: string | null;
  env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  userHome: string;
}

/** The engine's API for the length of one call of the port. */
export interface EngineCall {
  docker: Dockerode;
  /** Aborts when the caller does, and at the deadline. */
  signal: AbortSignal;
}

export interface Engine {
  /**
   * Runs `work` with a client whose every request ends with the call: at the caller's abort or at the deadline.
   * @throws ProviderError `timeout` at the deadline; whatever the caller aborted with; engine errors as ProviderError
   */
  call<T>(
    op: string,
    options: CallOptions,
    work: (call: EngineCall) => Promise<T>,
    settings?: { repeatable?: boolean },
  ): Promise<T>;
}

type Dial = (request: DialRequest, done: (error: unknown, answer: unknown) => void) => void;
interface DialRequest {
  path: string;
  method: string;
  abortSignal?: AbortSignal;
}

export function createEngine(deps: EngineDeps): Engine {
  return {
    async call(op, options, work, settings = {}) {
      const deadline = new AbortController();
      const over = new AbortController();
      const signal = AbortSignal.any([options.signal, deadline.signal]);
      const repeatable = settings.repeatable ?? true;
      let where = 'its socket';
      try {
        armDeadline(deps.runtime, options.deadline, deadline, over.signal);
        throwIfOver(op, options, deadline.signal, repeatable);
        const address = await findEngine({
          configured: deps.engineSocket,
          env: deps.env,
          home: deps.userHome,
          op,
        });
        where = 'socketPath' in address ? address.socketPath : `${address.host}:${address.port}`;
        const docker = await connect(address, signal, options.onRequest, deps.runtime);
        return await Promise.race([work({ docker, signal }), rejectOnAbort(signal, over.signal)]);
      } catch (error) {
        throwIfOver(op, options, deadline.signal, repeatable);
        throw toProviderError(error, { op, where, repeatable });
      } finally {
        over.abort();
      }
    },
  };
}

/** Aborts `deadline` at the moment, by the runtime's clock; `over` takes the timer back. */
function armDeadline(runtime: Runtime, at: Date, deadline: AbortController, over: AbortSignal): void {
  const leftMs = at.getTime() - runtime.now();
  if (leftMs <= 0) {
    deadline.abort();
    return;
  }
  // Timers hold 2^31-1 ms at most.
  runtime.sleep(Math.min(leftMs, 2_147_483_647), over).then(
    () => deadline.abort(),
    () => undefined,
  );
}

/** Not every request of the library heeds a signal, so the call as a whole does. */
function rejectOnAbort(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = () => reject(new Error('the call was stopped'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true, signal: over });
  });
}

function throwIfOver(op: string, options: CallOptions, deadline: AbortSignal, repeatable: boolean): void {
  if (options.signal.aborted) {
    const reason: unknown = options.signal.reason;
    if (reason instanceof SpuffError) throw reason;
    throw new SpuffError('interrupted', 'the call to the container engine was stopped', { cause: reason });
  }
  if (deadline.aborted) {
    throw new ProviderError('timeout', 'the container engine did not answer in time', {
      provider: 'local',
      op,
      retryable: repeatable,
      hints: ['see whether it is busy or stuck: docker info'],
    });
  }
}

async function connect(
  address: EngineAddress,
  signal: AbortSignal,
  onRequest: CallOptions['onRequest'],
  runtime: Runtime,
): Promise<Dockerode> {
  const { default: Docker } = await import('dockerode');
  const docker = new Docker('socketPath' in address ? address : { ...address, protocol: 'http' });
  const modem = docker.modem as { dial: Dial };
  const dial = modem.dial.bind(modem);
  modem.dial = (request, done) => {
    const startedAt = runtime.now();
    request.abortSignal = signal;
    dial(request, (error, answer) => {
      const status = statusOf(error);
      const ms = runtime.now() - startedAt;
      onRequest?.({ method: request.method, url: request.path, ms, ...(status !== undefined && { status }) });
      done(error, answer);
    });
  };
  return docker;
}
