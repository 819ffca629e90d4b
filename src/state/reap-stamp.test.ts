import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { takeReapStamp, wasReapedLately } from './reap-stamp.ts';

let run: string;
beforeEach(() => {
  run = join(mkdtempSync(join(tmpdir(), 'spuff-stamp-')), 'run');
});
afterEach(() => rmSync(join(run, '..'), { recursive: true }));

/** A minute that is over has begun so long before now. */
function take(nowMs: number): boolean {
  const taken = takeReapStamp(run, nowMs);
  for (const name of taken ? readdirSync(run) : []) utimesSync(join(run, name), nowMs / 1_000, nowMs / 1_000);
  return taken;
}

it('is taken once a minute, also across the turn of it', () => {
  const minuteMs = 60_000 * 1_000_000;
  expect(wasReapedLately(run, minuteMs)).toBe(false);
  const taken = [0, 1, 30_000, 59_999, 60_000, 60_001, 119_999, 120_000].map((ms) => take(minuteMs + ms));
  expect(taken).toEqual([true, false, false, false, true, false, false, true]);
  expect(take(minuteMs + 179_000)).toBe(false);
});

it('is taken no sooner than a minute after it was taken late in another one', () => {
  const minuteMs = 60_000 * 1_000_000;
  expect(take(minuteMs + 59_000)).toBe(true);
  expect(take(minuteMs + 61_000)).toBe(false);
  expect(take(minuteMs + 119_000)).toBe(true);
});

it('leaves one file, and none that is not its own', () => {
  for (let minute = 1; minute < 5; minute++) take(60_000 * (1_000_000 + minute * 2));
  expect(readdirSync(run)).toHaveLength(1);
});
