/** The last hours of a machine as a picture: a row for each signal, a column for each stretch of time. */
import type { AgentResponse } from '../../app/ask-agent.ts';

type History = AgentResponse<'activityHistory'>;
type Sample = History['samples'][number];

export interface TimelineOptions {
  /** Of the whole picture. */
  columns: number;
  unicode: boolean;
  nowMs: number;
  /** From which level on something counts as use. */
  busyFrom: { cpu: number; processes: number; containers: number; network: number };
}

interface Row {
  name: string;
  /** 0: nothing; up to 1: below what counts as use; above: so many times that. */
  levelOf: (sample: Sample) => number;
  /** Left out of the picture when there was nothing of it. */
  isRare: boolean;
}

/** What a column shows for a level: nothing seen, nothing, three below use, four from it on (1, 2, 4 and 8 times). */
const blocks = { unknown: ' ', none: '·', below: ['▁', '▂', '▃'], use: ['▅', '▆', '▇', '█'] };
const plain = { unknown: ' ', none: '.', below: ['_', '-', '='], use: ['+', '*', '%', '#'] };

/** Less than this share of what counts as use is shown as nothing. */
const leastShown = 0.05;

const spansMinutes = [30, 60, 120, 180, 360, 720];

/** @returns null when there is nothing to show yet */
export function drawTimeline({ samples }: History, options: TimelineOptions): string | null {
  const [oldest] = samples;
  if (oldest === undefined) return null;
  const rows = listRows(options.busyFrom).filter(
    ({ isRare, levelOf }) => !isRare || samples.some((sample) => levelOf(sample) > 0),
  );
  const ageMinutes = (options.nowMs - Date.parse(oldest.at)) / 60_000;
  const spanMs = (spansMinutes.find((minutes) => minutes >= ageMinutes) ?? 720) * 60_000;
  const label = Math.max(...rows.map(({ name }) => name.length)) + 2;
  // No wider than a column a minute: what was measured once must not look as if it had lasted.
  const width = Math.max(10, Math.min(options.columns - label - 1, spanMs / 60_000));
  const columns = splitIntoColumns(samples, { width, spanMs, nowMs: options.nowMs });
  const symbols = options.unicode ? blocks : plain;
  const lines = rows.map(
    ({ name, levelOf }) =>
      name.padEnd(label) + columns.map((some) => symbolFor(some.map(levelOf), symbols)).join(''),
  );
  return [...lines.map((line) => line.trimEnd()), ' '.repeat(label) + drawAxis(width, spanMs)].join('\n');
}

function listRows(busyFrom: TimelineOptions['busyFrom']): Row[] {
  const on = (name: string, signal: string, isRare = false): Row => ({
    name,
    isRare,
    levelOf: ({ active }) => (active.includes(signal) ? 8 : 0),
  });
  const level = (
    name: string,
    from: number,
    read: (sample: Sample) => number | null,
    isRare = false,
  ): Row => ({
    name,
    isRare,
    levelOf: (sample) => (from > 0 ? (read(sample) ?? 0) / from : 0),
  });
  return [
    on('terminals', 'terminal'),
    on('calls', 'call', true),
    on('heartbeats', 'heartbeat', true),
    on('commands', 'exec', true),
    on('setup', 'setup', true),
    level('cpu', busyFrom.cpu, ({ cpuCores }) => cpuCores),
    level('processes', busyFrom.processes, ({ processCores }) => processCores),
    level('containers', busyFrom.containers, ({ containerCores }) => containerCores, true),
    level('network', busyFrom.network, ({ networkBytesPerSecond }) => networkBytesPerSecond),
    on('keep', 'keep', true),
  ];
}

function splitIntoColumns(
  samples: readonly Sample[],
  { width, spanMs, nowMs }: { width: number; spanMs: number; nowMs: number },
): Sample[][] {
  const columns: Sample[][] = Array.from({ length: width }, () => []);
  for (const sample of samples) {
    // A sample is of the minute before it.
    const middleMs = Date.parse(sample.at) - 30_000;
    const at = Math.floor(((middleMs - (nowMs - spanMs)) / spanMs) * width);
    columns[Math.min(at, width - 1)]?.push(sample);
  }
  return columns;
}

function symbolFor(levels: readonly number[], symbols: typeof blocks): string {
  if (levels.length === 0) return symbols.unknown;
  const level = Math.max(...levels);
  if (level < leastShown) return symbols.none;
  if (level < 1) return symbols.below[Math.floor(level * symbols.below.length)] ?? symbols.none;
  return symbols.use[Math.min(symbols.use.length - 1, Math.floor(Math.log2(level)))] ?? '';
}

/** Marks at the quarters where there is room: `6h ago … now`. */
function drawAxis(width: number, spanMs: number): string {
  const axis = Array.from({ length: width }, () => ' ');
  const write = (text: string, at: number) => {
    for (const [index, char] of [...text].entries()) axis[at + index] = char;
  };
  write('now', width - 3);
  for (const share of width >= 40 ? [0, 0.25, 0.5, 0.75] : [0]) {
    const minutes = Math.round((spanMs * (1 - share)) / 60_000);
    const text =
      minutes % 60 === 0 ? `-${minutes / 60}h` : minutes > 60 ? `-${minutes / 60}h` : `-${minutes}m`;
    write(text, Math.floor(share * width));
  }
  return axis.join('').trimEnd();
}
