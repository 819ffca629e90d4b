import type { ReapReport } from './reap-run.ts';

/** What a reaper that runs on has seen and done since it began. */
export interface ReaperMetrics {
  note(report: ReapReport, nowMs: number): void;
  /** A run that came to nothing at all. */
  noteFailure(nowMs: number): void;
  /** In ms; null: there was none yet. */
  readonly lastRunMs: number | null;
  /** The text format of Prometheus. @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
  render(): string;
}

export function createReaperMetrics(): ReaperMetrics {
  let [runs, failedRuns] = [0, 0];
  let lastRunMs: number | null = null;
  let lastCleanMs: number | null = null;
  let kept = new Map<string, number>();
  const destroyed = new Map<string, number>();
  const failures = new Map<string, number>();
  const count = (map: Map<string, number>, name: string) => map.set(name, (map.get(name) ?? 0) + 1);
  return {
    note({ machines, failures: failed }, nowMs) {
      runs += 1;
      lastRunMs = nowMs;
      kept = new Map();
      for (const { provider, outcome, why } of machines) {
        const labels = labelsOf({ provider, why });
        if (outcome === 'destroyed' || outcome === 'gone') count(destroyed, labels);
        else if (outcome === 'failed') count(failures, labelsOf({ provider }));
        else count(kept, labels);
      }
      for (const { provider } of failed) count(failures, labelsOf({ provider }));
      const isClean = failed.length === 0 && machines.every(({ outcome }) => outcome !== 'failed');
      if (isClean) lastCleanMs = nowMs;
    },
    noteFailure(nowMs) {
      runs += 1;
      failedRuns += 1;
      lastRunMs = nowMs;
    },
    get lastRunMs() {
      return lastRunMs;
    },
    render: () =>
      [
        metric('runs_total', 'counter', 'Looks at the providers.', new Map([['', runs]])),
        metric('failed_runs_total', 'counter', 'Looks that came to nothing.', new Map([['', failedRuns]])),
        metric('last_run_timestamp_seconds', 'gauge', 'The end of the last look.', timeOf(lastRunMs)),
        metric(
          'last_clean_run_timestamp_seconds',
          'gauge',
          'The end of the last look in which nothing failed.',
          timeOf(lastCleanMs),
        ),
        metric('destroyed_total', 'counter', 'Machines that are gone.', destroyed),
        metric(
          'failures_total',
          'counter',
          'Machines and providers that something went wrong with.',
          failures,
        ),
        metric('machines', 'gauge', 'Machines that were kept in the last look.', kept),
      ].join(''),
  };
}

function timeOf(ms: number | null): Map<string, number> {
  return new Map(ms === null ? [] : [['', ms / 1_000]]);
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${pairs.join(',')}}`;
}

function metric(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  values: ReadonlyMap<string, number>,
): string {
  const full = `spuff_reaper_${name}`;
  const lines = [...values].map(([labels, value]) => `${full}${labels} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}
