import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimit } from './rate-limit.ts';

describe('a rate limit', () => {
  it('lets through the burst, then says how long to wait, and keeps that word', () => {
    let nowMs = 0;
    const limit = createRateLimit({ perSecond: 2, burst: 3 }, () => nowMs);
    expect([limit.take(), limit.take(), limit.take()]).toEqual([0, 0, 0]);
    const waitMs = limit.take();
    expect(waitMs).toBe(500);
    nowMs += waitMs - 1;
    expect(limit.take()).toBeGreaterThan(0);
    nowMs += 1;
    expect(limit.take()).toBe(0);
  });

  it('never lets through more than the burst and what the time allows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 }), (pauses) => {
        let nowMs = 0;
        let passed = 0;
        const limit = createRateLimit({ perSecond: 5, burst: 4 }, () => nowMs);
        for (const pauseMs of pauses) {
          nowMs += pauseMs;
          if (limit.take() === 0) passed++;
        }
        expect(passed).toBeLessThanOrEqual(4 + (nowMs / 1_000) * 5 + 1e-9);
      }),
    );
  });
});
