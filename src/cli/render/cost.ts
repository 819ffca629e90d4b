import type { BudgetUse } from '../../app/check-budget.ts';
import type { CostGroup, CostReport, CostRow } from '../../app/cost-report.ts';
import { addMoney, describeBasis, formatMoney } from '../../domain/money.ts';
import type { Money } from '../../domain/provider.ts';
import { drawBars } from './bar-chart.ts';
import type { Paint } from './terminal.ts';
import { formatMoment, formatTable, oneLine, widthOf } from './text.ts';

export interface CostView {
  nowMs: number;
  columns: number;
  isUnicode: boolean;
  paint: Paint;
}

const titles: Readonly<Record<CostGroup, string>> = {
  day: 'DAY',
  provider: 'PROVIDER',
  project: 'PROJECT',
  instance: 'INSTANCE',
};

/** What runs, then a table with bars for each group, each part with a blank line before the next. */
export function describeCost(report: CostReport, view: CostView): string {
  const parts = [
    ...(report.running.length > 0 ? [describeRunning(report, view)] : []),
    ...report.groups.filter(({ rows }) => rows.length > 0).map((group) => describeGroup(group, view)),
    describeTotal(report),
    ...report.budgets.map(describeBudget),
  ];
  return parts.join('\n\n');
}

function describeRunning({ running, hourly }: CostReport, { nowMs, paint }: CostView): string {
  const rows = running.map((one) => [
    one.name,
    one.provider,
    one.size,
    formatMoney(one.hourly, 5),
    formatMoney(one.soFar),
    one.most === null ? 'no end' : formatMoney(one.most),
    one.expiresAt === null ? 'never' : formatMoment(one.expiresAt, nowMs),
  ]);
  const header = ['RUNNING', 'PROVIDER', 'SIZE', 'AN HOUR', 'SO FAR', 'AT MOST', 'LEASE ENDS'];
  const rate = hourly.map((money) => formatMoney(money, 5)).join(' and ');
  return `${formatTable(rows, { header, paint })}\ntogether ${rate} an hour`;
}

/** One line for each row and currency. Bars of two currencies have scales of their own. */
function describeGroup({ by, rows }: { by: CostGroup; rows: readonly CostRow[] }, view: CostView): string {
  const lines = rows.flatMap(({ label, costs }) => {
    const shown = costs.length > 0 ? costs : [null];
    return shown.map((cost, at) => ({ label: at === 0 ? (label ?? '(not known)') : '', cost }));
  });
  const cells = lines.map(({ label, cost }) => [
    shorten(label, Math.max(16, Math.floor(view.columns / 2))),
    cost === null ? '' : formatMoney(cost),
  ]);
  const widths = [0, 1].map((column) =>
    Math.max(...cells.map((row) => widthOf(row[column] ?? '')), titles[by].length),
  );
  const columns = view.columns - (widths[0] ?? 0) - (widths[1] ?? 0) - 4;
  const bars = new Map<Money, string>();
  const kinds = Map.groupBy(
    lines.flatMap(({ cost }) => (cost === null ? [] : [cost])),
    ({ currency, basis }) => `${currency} ${basis}`,
  );
  for (const amounts of kinds.values()) {
    const drawn = drawBars(amounts, { columns, isUnicode: view.isUnicode });
    for (const [at, amount] of amounts.entries()) bars.set(amount, drawn[at] ?? '');
  }
  const table = cells.map((row, at) => {
    const cost = lines[at]?.cost ?? null;
    return [...row, cost === null ? '' : (bars.get(cost) ?? '')];
  });
  return formatTable(table, { header: [titles[by], 'COST', ''], paint: view.paint });
}

/** The end of a path tells more than its beginning. */
function shorten(label: string, columns: number): string {
  const text = oneLine(label);
  return widthOf(text) <= columns ? text : `...${text.slice(-(columns - 3))}`;
}

function describeTotal({ month, total, unknown }: CostReport): string {
  const sums = total.map((money) => `${formatMoney(money)} (${describeBasis(money.basis)})`);
  const known = `${month.id}: ${sums.length === 0 ? 'nothing' : sums.join(' and ')}`;
  const rest = unknown.map(
    ({ name, why }) => `${oneLine(name)} (${why === 'price' ? 'no price is known' : 'nobody saw its end'})`,
  );
  return rest.length === 0 ? known : `${known}\nnot counted: ${rest.join(', ')}`;
}

function describeBudget({ limit, spent, ahead, percent }: BudgetUse): string {
  const most = formatMoney(addMoney(spent, ahead));
  return `budget: ${formatMoney(spent)} of ${formatMoney(limit)}, and at most ${most} with what runs (${percent} %)`;
}

/** The shape `cost` of docs/json.md. */
export function costToJson(report: CostReport): object {
  const { month, running, hourly, groups, total, unknown, budgets } = report;
  return {
    version: 1,
    month: month.id,
    running: running.map(({ expiresAt, ...rest }) => ({
      ...rest,
      expiresAt: expiresAt?.toISOString() ?? null,
    })),
    hourly,
    groups,
    total,
    unknown: unknown.map(({ key, name, provider, why }) => ({ key, name, provider, why })),
    budgets,
  };
}
