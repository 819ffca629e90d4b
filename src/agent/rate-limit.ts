/** A token bucket: `burst` requests at once, then `perSecond` of them. */
export interface RateLimit {
  /** Takes one request. Gives 0 when it may pass, else the ms to wait. */
  take(): number;
}

/** @param nowMs a clock that never goes back, such as `performance.now` */
export function createRateLimit(
  options: { perSecond: number; burst: number },
  nowMs: () => number,
): RateLimit {
  let available = options.burst;
  let countedAtMs = nowMs();
  return {
    take() {
      const now = nowMs();
      available = Math.min(options.burst, available + ((now - countedAtMs) / 1_000) * options.perSecond);
      countedAtMs = now;
      if (available < 1) return Math.ceil(((1 - available) / options.perSecond) * 1_000);
      available -= 1;
      return 0;
    },
  };
}
