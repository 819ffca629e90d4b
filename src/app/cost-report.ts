/** What machines cost: those that run, and what a month came to, from the receipts and the instances of this computer. */
import { SpuffError } from '../domain/errors.ts';
import type { InstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { Money, ProviderId } from '../domain/provider.ts';
import { mostCost } from '../domain/spend-limit.ts';
import {
  costBetween,
  type Month,
  monthAt,
  parseMonth,
  readSpending,
  type Spell,
  sumMoney,
  type UnknownCost,
} from '../domain/spending.ts';
import { type BudgetUse, findBilled, useOfBudget } from './check-budget.ts';
import type { AppContext } from './context.ts';

export const costGroups = ['day', 'provider', 'project', 'instance'] as const;
export type CostGroup = (typeof costGroups)[number];

export interface RunningCost {
  key: InstanceKey;
  name: string;
  provider: ProviderId;
  size: string;
  directory: string;
  hourly: Money;
  soFar: Money;
  /** By its deadline, from its beginning on; null: it has none. */
  most: Money | null;
  expiresAt: Date | null;
}

/** One day, provider, project or instance, with an amount for each currency. */
export interface CostRow {
  /** `2026-11-03`, the provider's name, the folder, or the instance's name; null: a folder that is not known. */
  label: string | null;
  costs: Money[];
}

export interface CostReport {
  month: Month;
  running: RunningCost[];
  /** What an hour of all that runs costs. */
  hourly: Money[];
  groups: { by: CostGroup; rows: CostRow[] }[];
  total: Money[];
  /** What is in no sum. */
  unknown: UnknownCost[];
  /** Of the current month alone. */
  budgets: BudgetUse[];
}

const dayMs = 86_400_000;

/**
 * Reads the local state and nothing else.
 * @param request by default the current month, and all groups but that of instances
 * @throws SpuffError `usage` for a month that is none, or is yet to come
 */
export async function reportCost(
  context: AppContext,
  request: { month?: string | undefined; by?: CostGroup | undefined },
): Promise<CostReport> {
  const nowMs = context.runtime.now();
  const month = readMonth(request.month, nowMs);
  const state = await context.state();
  const [instances, receipts] = [state.listInstances(), state.listReceipts()];
  const isBilled = await findBilled(context, priceless(instances, receipts));
  const { spells, unknown } = readSpending({ instances, receipts }, nowMs, isBilled);
  const inMonth = spells.filter(({ startMs, endMs }) => startMs < month.endMs && endMs >= month.startMs);
  const rows = (by: CostGroup) => (by === 'day' ? byDay(inMonth, month, nowMs) : byLabel(inMonth, month, by));
  const running = runningCosts(instances, nowMs);
  const isCurrent = month.id === monthAt(nowMs).id;
  return {
    month,
    running,
    hourly: sumMoney(running.map(({ hourly }) => hourly)),
    groups: (request.by ? [request.by] : costGroups.slice(0, 3)).map((by) => ({ by, rows: rows(by) })),
    total: sumMoney(inMonth.map((spell) => costBetween(spell, month.startMs, month.endMs))),
    unknown: unknown.filter(({ startMs }) => startMs >= month.startMs && startMs < month.endMs),
    budgets: isCurrent ? await readBudgets(context, spells, month, nowMs) : [],
  };
}

function readMonth(text: string | undefined, nowMs: number): Month {
  const current = monthAt(nowMs);
  const month = text === undefined ? current : parseMonth(text);
  if (month && month.startMs <= current.startMs) return month;
  const what = month ? 'is yet to come' : 'is not a month';
  throw new SpuffError('usage', `${JSON.stringify(text)} ${what}`, {
    hints: [`write it as ${current.id}, which is the current one`],
  });
}

/** Providers of what has no price: whether that means nothing to pay has to be asked. */
function priceless(
  ...lists: readonly (readonly { tariff: unknown; provider: ProviderId }[])[]
): ProviderId[] {
  return lists.flat().flatMap(({ tariff, provider }) => (tariff === null ? [provider] : []));
}

function runningCosts(instances: readonly Instance[], nowMs: number): RunningCost[] {
  return instances.flatMap((instance) => {
    const { key, name, provider, size, directory, tariff, createdAt, expiresAt, vmId, vmState } = instance;
    if (tariff === null || vmId === null || vmState?.state === 'gone') return [];
    const startMs = createdAt.getTime();
    const soFar = costBetween({ tariff, startMs, endMs: nowMs }, startMs, Math.max(nowMs, startMs + 1));
    const leaseMs = expiresAt && Math.max(nowMs, expiresAt.getTime()) - startMs;
    const most = leaseMs === null ? null : mostCost(tariff, leaseMs);
    return [{ key, name, provider, size, directory, hourly: tariff.hourly, soFar, most, expiresAt }];
  });
}

/** Every day from the first that costs until now, so that a gap is seen as one. */
function byDay(spells: readonly Spell[], month: Month, nowMs: number): CostRow[] {
  const rows: CostRow[] = [];
  for (let dayAt = month.startMs; dayAt < month.endMs && dayAt <= nowMs; dayAt += dayMs) {
    const costs = spells.map((spell) => costBetween(spell, dayAt, Math.min(dayAt + dayMs, month.endMs)));
    const paid = sumMoney(costs.filter(({ amount }) => amount !== '0'));
    if (paid.length > 0 || rows.length > 0) rows.push({ label: isoDay(dayAt), costs: paid });
  }
  return rows;
}

function isoDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** In the order in which each first cost something. */
function byLabel(spells: readonly Spell[], month: Month, by: Exclude<CostGroup, 'day'>): CostRow[] {
  const labelOf = { provider: 'provider', project: 'directory', instance: 'name' } as const;
  const groups = Map.groupBy(spells, (spell) => spell[labelOf[by]]);
  return [...groups].map(([label, ofLabel]) => ({
    label,
    costs: sumMoney(ofLabel.map((spell) => costBetween(spell, month.startMs, month.endMs))),
  }));
}

/** Wrong settings are no reason to hide what there is to pay. */
async function readBudgets(
  context: AppContext,
  spells: readonly Spell[],
  month: Month,
  nowMs: number,
): Promise<BudgetUse[]> {
  try {
    const { monthlyBudgets } = await context.settings();
    return (monthlyBudgets ?? []).map((limit) => useOfBudget(limit, spells, month, nowMs));
  } catch (error) {
    if (!(error instanceof SpuffError) || error.code !== 'config') throw error;
    context.progress.warn('the settings are wrong, so the monthly budget is not shown');
    return [];
  }
}
