import type { Runtime } from '../domain/provider.ts';

export interface RetryPolicy {
  firstDelayMs: number;
  factor: number;
  maxDelayMs: number;
  /** Share of each delay that is left to chance, 0 to 1. */
  jitter: number;
}

/**
 * Calls `attempt` until it gives something other than undefined. Sleeps between calls, longer each time.
 * @returns undefined when `deadlineMs` (in the runtime's time) passed first
 * @throws whatever `attempt` throws, and the abort reason when `signal` aborts
 */
export async function poll<T>(
  attempt: () => Promise<T | undefined>,
  options: { policy: RetryPolicy; runtime: Runtime; signal: AbortSignal; deadlineMs: number },
): Promise<T | undefined> {
  const { policy, runtime, signal, deadlineMs } = options;
  let delayMs = policy.firstDelayMs;
  for (;;) {
    signal.throwIfAborted();
    const result = await attempt();
    if (result !== undefined) return result;
    const waitMs = delayMs * (1 - policy.jitter * runtime.random());
    if (runtime.now() + waitMs > deadlineMs) return undefined;
    await runtime.sleep(waitMs, signal);
    delayMs = Math.min(delayMs * policy.factor, policy.maxDelayMs);
  }
}
