import { describe, expect, it } from 'vitest';
import { drawTimeline, type TimelineOptions } from './timeline.ts';

const nowMs = Date.UTC(2026, 10, 23, 12, 0, 0);
const look: TimelineOptions = {
  ...{ columns: 43, unicode: false, nowMs },
  busyFrom: { cpu: 0.2, processes: 0.03, containers: 0.1, network: 50_000 },
};

/** A sample of so many minutes ago. */
function sample(minutesAgo: number, change: { active?: string[]; cpuCores?: number; network?: number } = {}) {
  return {
    at: new Date(nowMs - minutesAgo * 60_000).toISOString(),
    active: change.active ?? [],
    cpuCores: change.cpuCores ?? 0,
    ...{ processCores: 0, containerCores: 0, networkBytesPerSecond: change.network ?? 0 },
  };
}
const history = (...samples: ReturnType<typeof sample>[]) => ({ stepSeconds: 60, samples });

describe('drawTimeline', () => {
  it('shows nothing where nothing has been seen yet', () => {
    expect(drawTimeline(history(), look)).toBeNull();
  });

  it('has a row for each sign, a column for each minute, and gaps where nobody looked', () => {
    const samples = Array.from({ length: 20 }, (_, index) => sample(19 - index)).filter(
      (_, at) => at < 5 || at > 8,
    );
    samples[0] = sample(19, { active: ['terminal', 'exec'], cpuCores: 0.19 });
    samples[1] = sample(18, { cpuCores: 0.2, network: 20_000 });
    samples[2] = sample(17, { cpuCores: 8 });
    expect(drawTimeline(history(...samples), look)?.split('\n')).toEqual([
      'terminals            #....    ...........',
      'commands             #....    ...........',
      'cpu                  =+#..    ...........',
      'processes            .....    ...........',
      'network              .-...    ...........',
      '           -30m                       now',
    ]);
  });

  it('takes the highest of what falls into one column, and never draws past the width', () => {
    const samples = Array.from({ length: 700 }, (_, index) =>
      sample(699 - index, { cpuCores: index === 350 ? 1 : 0 }),
    );
    for (const columns of [20, 80, 200, 4_000]) {
      const lines = drawTimeline(history(...samples), { ...look, columns, unicode: true })?.split('\n') ?? [];
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(columns, 21));
      expect(lines.find((line) => line.startsWith('cpu'))?.match(/[▅▆▇█]/g)).toEqual(['▇']);
    }
  });
});
