import { describe, expect, it } from 'vitest';
import { silentProgress } from '../domain/progress.ts';
import type { Capabilities } from '../domain/provider.ts';
import { watchClock } from './provider-clock.ts';

const hourMs = 3_600_000;
const laptopMs = Date.UTC(2026, 10, 23, 12);

function watch(clock: Capabilities['clock'] = 'its-own') {
  const context = {
    signal: new AbortController().signal,
    progress: silentProgress,
    runtime: { now: () => laptopMs, sleep: async () => undefined, random: () => 0 },
  };
  const watched = watchClock(context, { caps: { clock } as Capabilities });
  const hear = (aheadMs: number | null) =>
    watched.options(1_000).onRequest?.({
      ...{ method: 'GET', url: '/', status: 200 },
      ...(aheadMs !== null && { serverTime: new Date(laptopMs + aheadMs) }),
    });
  return { watched, hear };
}

describe('the time that machines are judged by', () => {
  it('is the provider’s, however wrong this computer’s is within a day', () => {
    for (const aheadMs of [-24 * hourMs, -1_000, 0, 5_000, 24 * hourMs]) {
      const { watched, hear } = watch();
      hear(aheadMs);
      expect(watched.read()).toEqual({ nowMs: laptopMs + aheadMs, slackMs: 0 });
      expect(watched.aheadMs()).toBe(aheadMs);
    }
  });

  it('is the earlier one where they are further apart than clocks are', () => {
    const [past, future] = [watch(), watch()];
    past.hear(-1_000 * hourMs);
    future.hear(1_000 * hourMs);
    expect(past.watched.read().nowMs).toBe(laptopMs - 1_000 * hourMs);
    expect(future.watched.read().nowMs).toBe(laptopMs);
  });

  it('is the earliest of several that were told', () => {
    const { watched, hear } = watch();
    for (const aheadMs of [3 * hourMs, hourMs, 2 * hourMs]) hear(aheadMs);
    expect(watched.read().nowMs).toBe(laptopMs + hourMs);
  });

  it('may be a day wrong where the provider tells none', () => {
    const { watched, hear } = watch();
    hear(null);
    expect(watched.read()).toEqual({ nowMs: laptopMs, slackMs: 24 * hourMs });
    expect(watched.aheadMs()).toBeNull();
  });

  it('is this computer’s where the machines go by it', () => {
    const { watched, hear } = watch('this-computer');
    hear(5 * hourMs);
    expect(watched.read()).toEqual({ nowMs: laptopMs, slackMs: 0 });
  });
});
