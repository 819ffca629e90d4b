import { describe, expect, it } from 'vitest';
import { createTokenBucket } from './token-bucket.ts';

describe('a limit of 30 a minute, 10 at once', () => {
  const start = () => {
    const clock = { ms: 0 };
    const bucket = createTokenBucket({ perMinute: 30, burst: 10 }, () => clock.ms);
    const takeAll = () => {
      let taken = 0;
      while (bucket.take()) taken++;
      return taken;
    };
    return { clock, bucket, takeAll };
  };

  it('gives the burst and no more', () => {
    expect(start().takeAll()).toBe(10);
  });

  it('gives one more every two seconds', () => {
    const { clock, bucket, takeAll } = start();
    takeAll();
    clock.ms = 1_999;
    expect(bucket.take()).toBe(false);
    clock.ms = 2_000;
    expect(bucket.take()).toBe(true);
    expect(bucket.take()).toBe(false);
  });

  it('saves up no more than the burst', () => {
    const { clock, takeAll } = start();
    takeAll();
    clock.ms = 3_600_000;
    expect(takeAll()).toBe(10);
  });

  it('gives at most burst and rate over a minute of asking', () => {
    const { clock, bucket } = start();
    let taken = 0;
    for (; clock.ms < 60_000; clock.ms += 10) if (bucket.take()) taken++;
    expect(taken).toBe(10 + 29);
  });
});
