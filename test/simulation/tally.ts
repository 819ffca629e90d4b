/** What many lives came to, and the table of it. */
import type { ModelName } from './cloud-model.ts';
import type { Finding, Keeper, LifeResult, ViolationKind } from './judge-life.ts';
import { minuteMs } from './life-plan.ts';

export const violationKinds: readonly ViolationKind[] = [
  ...([
    'billed-too-long',
    'billed-while-off',
    'ended-in-use',
    'ended-early',
    'not-spuffs-destroyed',
  ] as const),
  ...(['untracked', 'lost-disk', 'two-receipts', 'wrong-receipt', 'bug'] as const),
];

export const keepers: readonly Keeper[] = ['elsewhere', 'timer', 'commands'];

interface Row {
  lives: number;
  machines: number;
  overrunsMs: number[];
  neverGone: number;
  wasted: number;
}

export class Tally {
  readonly model: ModelName;
  readonly counts: Record<ViolationKind, number>;
  readonly rows: Record<Keeper, Row>;
  /** Each with the number of its life. */
  readonly findings: (Finding & { life: number })[] = [];
  mishaps = 0;
  lives = 0;

  constructor(model: ModelName) {
    this.model = model;
    this.counts = Object.fromEntries(violationKinds.map((kind) => [kind, 0])) as Tally['counts'];
    const row = () => ({ lives: 0, machines: 0, overrunsMs: [], neverGone: 0, wasted: 0 });
    this.rows = { elsewhere: row(), timer: row(), commands: row() };
  }

  add(life: number, result: LifeResult): void {
    const row = this.rows[result.keeper];
    this.lives += 1;
    this.mishaps += result.mishaps.length;
    row.lives += 1;
    row.machines += result.machines;
    row.neverGone += result.neverGone;
    row.wasted += result.wasted;
    row.overrunsMs.push(...result.overrunsMs);
    for (const finding of result.violations) {
      this.counts[finding.kind as ViolationKind] += 1;
      this.findings.push({ ...finding, life });
    }
  }

  get machines(): number {
    return keepers.reduce((sum, keeper) => sum + this.rows[keeper].machines, 0);
  }
}

/** In Markdown, as it stands in docs/lifecycle.md. */
export function renderTallies(tallies: readonly Tally[]): string {
  const head = ['', ...tallies.map(({ model }) => model)];
  const line = (name: string, of: (tally: Tally) => string | number) => [
    name,
    ...tallies.map((tally) => String(of(tally))),
  ];
  return [
    ...table([
      head,
      line('lives', ({ lives }) => lives),
      line('machines', ({ machines }) => machines),
      ...violationKinds.map((kind) => line(meanings[kind], ({ counts }) => counts[kind])),
      line('ended by a clock of its own that was wrong', ({ mishaps }) => mishaps),
    ]),
    '',
    ...keepers.flatMap((keeper) => [keeperTitles[keeper], '', ...renderOverruns(tallies, keeper), '']),
  ].join('\n');
}

const meanings: Record<ViolationKind, string> = {
  'billed-too-long': 'billed past deadline, period and slack, with a reaper that had access',
  'billed-while-off': 'billed past period and slack after it switched itself off, likewise',
  'ended-in-use': 'ended in use, before the deadline',
  'ended-early': 'ended before the deadline, and not idle',
  'not-spuffs-destroyed': "destroyed, and not spuff's",
  untracked: 'in no state, and not to be seen by a reaper',
  'lost-disk': 'destroyed by a reaper, and its disk not kept as it was at its end',
  'two-receipts': 'two receipts for one machine',
  'wrong-receipt': 'receipts with a wrong end',
  bug: 'errors that nobody foresaw',
};

const keeperTitles: Record<Keeper, string> = {
  elsewhere: 'With a scheduled reaper on a computer that is always on:',
  timer: "With a timer on the user's computers alone:",
  commands: 'With no reaper but that of other commands:',
};

function renderOverruns(tallies: readonly Tally[], keeper: Keeper): string[] {
  const rows = tallies
    .map(({ model, rows: of }) => ({ model, ...of[keeper] }))
    .filter(({ lives }) => lives > 0);
  const share = (sorted: readonly number[], part: number) =>
    sorted.length === 0
      ? '–'
      : formatMs(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
  return table([
    [
      '',
      'machines',
      'beyond the deadline',
      'half within',
      '99 % within',
      'at most',
      'never gone',
      'paid for nothing',
    ],
    ...rows.map(({ model, machines, overrunsMs, neverGone, wasted }) => {
      const sorted = overrunsMs.toSorted((one, other) => one - other);
      const parts = [0.5, 0.99, 1].map((part) => share(sorted, part));
      return [model, machines, sorted.length, ...parts, neverGone, wasted.toFixed(2)].map(String);
    }),
  ]);
}

function formatMs(ms: number): string {
  const minutes = ms / minuteMs;
  if (minutes < 120) return `${Math.ceil(minutes)} min`;
  return minutes < 48 * 60 ? `${(minutes / 60).toFixed(1)} h` : `${(minutes / 1_440).toFixed(1)} d`;
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map((_, at) => (at === 0 ? '---' : '--:'))), ...rows.map(row)];
}
