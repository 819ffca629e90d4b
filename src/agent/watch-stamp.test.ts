import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStampWatch } from './watch-stamp.ts';

const year = 365 * 86_400_000;

describe('createStampWatch', () => {
  it('believes a stamp in the past at first sight, and a later one to have come since the last look', () => {
    let [now, monotonic] = [10 * year, 1_000];
    const watch = createStampWatch({ now: () => now, monotonicMs: () => monotonic });
    expect(watch.see(now - 300)).toBe(700);
    [now, monotonic] = [now + 15_000, monotonic + 15_000];
    expect(watch.see(now - 4_000)).toBe(12_000);
    [now, monotonic] = [now + year, monotonic + 15_000];
    expect(watch.see(now - year - 5_000)).toBe(16_000);
  });

  it('never gives a time after now, nor one before what it gave, however clock and stamps jump', () => {
    const steps = fc.array(
      fc.record({
        jump: fc.integer({ min: -2 * year, max: 2 * year }),
        passed: fc.integer({ min: 1, max: 60_000 }),
        stamp: fc.option(fc.integer({ min: 0, max: 80 * year })),
      }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        let [now, monotonic, last] = [50 * year, 0, Number.NEGATIVE_INFINITY];
        const watch = createStampWatch({ now: () => now, monotonicMs: () => monotonic });
        for (const { jump, passed, stamp } of all) {
          now += jump + passed;
          monotonic += passed;
          const seen = watch.see(stamp);
          if (seen === null) continue;
          expect(seen).toBeLessThanOrEqual(monotonic);
          expect(seen).toBeGreaterThanOrEqual(last);
          last = seen;
        }
      }),
    );
  });
});
