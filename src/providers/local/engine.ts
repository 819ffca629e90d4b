import type Dockerode from 'dockerode';
import { SpuffError } from '../../domain/errors.ts';
import type { CallOptions, Runtime } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
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
  /**
   * For what must not be let go half-way: an engine goes on with a request whose connection is gone, and what it makes
   * appears when nobody looks for it any more. Once `work` has begun, the call ends only after it, be it aborted or late, but
   * for an engine that does not answer within half a minute. `work` gets a client whose requests are not dropped before.
   * @throws what `work` throws; at once when the call is over already
   */
  settle<T>(work: (docker: Dockerode) => Promise<T>): Promise<T>;
}

/** How long after its end a call waits for what has to settle. */
const settleMs = 30_000;

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
      const settling = createSettling(deps.runtime, signal);
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
        const connectWith = (until: AbortSignal) => connect(address, until, options.onRequest, deps.runtime);
        const [docker, patient] = await Promise.all([connectWith(signal), connectWith(settling.signal)]);
        const settle: EngineCall['settle'] = (part) => settling.add(() => part(patient));
        return await Promise.race([work({ docker, signal, settle }), rejectOnAbort(signal, over.signal)]);
      } catch (error) {
        await settling.ended();
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

interface Settling {
  /** Aborts when the wait is over as well. */
  signal: AbortSignal;
  add<T>(part: () => Promise<T>): Promise<T>;
  /** Waits for all that was added. */
  ended(): Promise<void>;
}

function createSettling(runtime: Runtime, stopped: AbortSignal): Settling {
  const patience = new AbortController();
  const parts = new Set<Promise<unknown>>();
  return {
    signal: patience.signal,
    async add(part) {
      stopped.throwIfAborted();
      const running = part();
      parts.add(running);
      try {
        return await running;
      } finally {
        parts.delete(running);
      }
    },
    async ended() {
      if (parts.size === 0) return;
      const done = new AbortController();
      const late = runtime.sleep(settleMs, done.signal).then(
        () => patience.abort(),
        () => undefined,
      );
      await Promise.race([Promise.allSettled(parts), late]);
      done.abort();
    },
  };
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
