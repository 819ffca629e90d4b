import { appendFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { readText } from './read-file.ts';

/** What was seen in one step of the history: the highest level of it, and which signals showed use. */
const sampleSchema = z.object({
  /** When the step ended, on the clock of the boot. */
  atMs: z.number(),
  active: z.array(z.string()),
  cpuCores: z.nullable(z.number()),
  processCores: z.nullable(z.number()),
  containerCores: z.nullable(z.number()),
  networkBytesPerSecond: z.nullable(z.number()),
});
export type HistorySample = z.infer<typeof sampleSchema>;

export interface History {
  /** Takes one look; looks of the same step become one sample. */
  note(look: HistorySample): void;
  /** The oldest first. */
  readonly samples: readonly HistorySample[];
}

export const historyStepMs = 60_000;
const keptMs = 12 * 3_600_000;
export const keptSamples = keptMs / historyStepMs;

/**
 * The last hours, a sample a minute, in a file in memory: a restart of the agent keeps them and a reboot clears them. The
 * file is written on by a line at a time, and made anew when it has twice as many as count.
 */
export function createHistory(path: string, clockMs: () => number): History {
  let samples = readSamples(path, clockMs());
  let lines = samples.length;
  let step: HistorySample | null = null;
  let beganAtMs: number | null = null;
  const keep = (sample: HistorySample) => {
    samples = [...samples, sample].filter(({ atMs }) => sample.atMs - atMs < keptMs).slice(-keptSamples);
    try {
      if (lines >= 2 * keptSamples) {
        writeFileSync(path, toLines(samples), { mode: 0o600 });
        lines = samples.length;
      } else {
        appendFileSync(path, toLines([sample]), { mode: 0o600 });
        lines++;
      }
    } catch {
      // No room for it: the picture of the past lives as long as this process then. Nothing is decided by it.
    }
  };
  return {
    note(look) {
      beganAtMs ??= look.atMs;
      step = step === null ? look : merge(step, look);
      // A little early is in time: the looks come by a timer.
      if (look.atMs - beganAtMs < historyStepMs - 1_000) return;
      keep(step);
      beganAtMs = look.atMs;
      step = null;
    },
    get samples() {
      return samples;
    },
  };
}

function merge(one: HistorySample, other: HistorySample): HistorySample {
  const higher = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.max(a, b));
  return {
    atMs: other.atMs,
    active: [...new Set([...one.active, ...other.active])],
    cpuCores: higher(one.cpuCores, other.cpuCores),
    processCores: higher(one.processCores, other.processCores),
    containerCores: higher(one.containerCores, other.containerCores),
    networkBytesPerSecond: higher(one.networkBytesPerSecond, other.networkBytesPerSecond),
  };
}

function toLines(samples: readonly HistorySample[]): string {
  return samples.map((sample) => `${JSON.stringify(sample)}\n`).join('');
}

/** A line that was cut short, and whatever is of another boot, is left out. */
function readSamples(path: string, nowMs: number): HistorySample[] {
  const samples: HistorySample[] = [];
  for (const line of (readText(path) ?? '').split('\n').slice(-keptSamples - 1)) {
    try {
      const sample = sampleSchema.parse(JSON.parse(line));
      if (sample.atMs <= nowMs && nowMs - sample.atMs < keptMs) samples.push(sample);
    } catch {
      // The end of the file, or of a write that was cut off.
    }
  }
  return samples;
}
