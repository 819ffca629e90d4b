import type { AgentResponse } from '../protocol/response-schemas.ts';
import { type HistorySample, historyStepMs } from './history.ts';
import { pastOnClock, readSignals, type Seen } from './read-signals.ts';

/** A signal is part of a look when it showed use this recently: the looks are a quarter of a minute apart. */
const lookMs = 16_000;

/** What one look says for the history. */
export function toSample(seen: Seen): HistorySample {
  const { work, network, hold } = seen;
  const active = readSignals(seen)
    .filter(
      ({ lastAtMs, nowBusy }) => nowBusy !== null || (lastAtMs !== null && seen.nowMs - lastAtMs < lookMs),
    )
    .map(({ name }) => name);
  if (hold !== null && hold.untilMs > seen.monotonicMs) active.push('keep');
  return {
    atMs: seen.monotonicMs,
    active,
    cpuCores: round(work.levels.cpu.value),
    processCores: round(work.levels.processes.value),
    containerCores: round(work.levels.containers.value),
    networkBytesPerSecond: network.level.value === null ? null : Math.round(network.level.value),
  };
}

export function describeHistory(
  samples: readonly HistorySample[],
  seen: Pick<Seen, 'nowMs' | 'monotonicMs'>,
): AgentResponse<'activityHistory'> {
  return {
    stepSeconds: historyStepMs / 1_000,
    samples: samples.map(({ atMs, ...sample }) => ({
      at: new Date(pastOnClock(seen, atMs)).toISOString(),
      ...sample,
    })),
  };
}

function round(cores: number | null): number | null {
  return cores === null ? null : Math.round(cores * 1e3) / 1e3;
}
