/** A limit on how often something may happen: a few at once, and then so many a minute. */
export interface TokenBucket {
  /** @returns false when it is too much */
  take(): boolean;
}

/** @param monotonicMs a clock that never goes back */
export function createTokenBucket(
  { perMinute, burst }: { perMinute: number; burst: number },
  monotonicMs: () => number,
): TokenBucket {
  let tokens = burst;
  let filledAtMs = monotonicMs();
  return {
    take: () => {
      const nowMs = monotonicMs();
      tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) * perMinute) / 60_000);
      filledAtMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
