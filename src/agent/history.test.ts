import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHistory, type HistorySample, keptSamples } from './history.ts';

let folder: string;
let path: string;
let nowMs: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-history-'));
  path = join(folder, 'history');
  nowMs = 1_000_000;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const start = () => createHistory(path, () => nowMs);
const look = (change: Partial<HistorySample> = {}): HistorySample => ({
  ...{ atMs: nowMs, active: [], cpuCores: 0, processCores: null },
  ...{ containerCores: 0, networkBytesPerSecond: 0, ...change },
});

/** Four looks a minute, as the lifecycle has them. */
function pass(history: ReturnType<typeof start>, minutes: number): void {
  for (let index = 0; index < minutes * 4; index++) {
    history.note(look());
    nowMs += 15_000;
  }
}

describe('the history', () => {
  it('makes one sample of the looks of a minute: the highest levels, and every signal', () => {
    const history = start();
    history.note(look({ active: ['call'], cpuCores: 0.25 }));
    nowMs += 30_000;
    history.note(look({ active: ['cpu'], cpuCores: 2, processCores: 1 }));
    nowMs += 30_000;
    history.note(look({ active: ['cpu'] }));
    expect(history.samples).toEqual([look({ active: ['call', 'cpu'], cpuCores: 2, processCores: 1 })]);
  });

  it('is there again after a restart, but for a line that was cut off and what is of another boot', () => {
    pass(start(), 10);
    const { samples } = start();
    expect(samples).toHaveLength(9);
    appendFileSync(path, '{"atMs":17');
    expect(start().samples).toEqual(samples);
    nowMs = 5;
    expect(start().samples).toEqual([]);
  });

  it('keeps twelve hours, in memory and in its file', () => {
    const history = start();
    pass(history, 3 * keptSamples);
    expect(history.samples.length).toBeLessThanOrEqual(keptSamples);
    expect(nowMs - (history.samples[0]?.atMs ?? 0)).toBeLessThanOrEqual(12 * 3_600_000 + 60_000);
    expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThanOrEqual(2 * keptSamples + 1);
    expect(start().samples.slice(-700)).toEqual(history.samples.slice(-700));
  });
});
