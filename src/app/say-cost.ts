import { formatDuration } from '../domain/duration.ts';
import { describeBasis, formatMoney } from '../domain/money.ts';
import type { Money } from '../domain/provider.ts';
import { mostCost } from '../domain/spend-limit.ts';
import type { AppContext } from './context.ts';
import type { UpPlan } from './plan-up.ts';

/** The most that the machine can cost, in the dearest region that may be tried. */
export function mostOf({ dearest, ttlMs }: Pick<UpPlan, 'dearest' | 'ttlMs'>): Money | null {
  return dearest === null || ttlMs === null ? null : mostCost(dearest, ttlMs);
}

/** The price, the deadline and the most that it comes to: before anything is made that costs. */
export function sayCost({ progress, runtime }: AppContext, plan: UpPlan): void {
  const { tariff, ttlMs, size, region, maxSpend } = plan;
  if (tariff === null && plan.isBilled) progress.warn(`what ${size} costs in ${region} is not known`);
  if (tariff === null) return;
  const hourly = `${formatMoney(tariff.hourly, 5)} an hour`;
  const basis = describeBasis(tariff.hourly.basis);
  progress.note(`${size} in ${region}: ${hourly}, ${describeMost(plan, runtime.now())} (${basis})`);
  if (maxSpend !== null && ttlMs !== null)
    progress.note(`its lease is cut to ${formatDuration(ttlMs)}, so that it costs no more than --max-spend`);
}

function describeMost(plan: UpPlan, nowMs: number): string {
  const most = mostOf(plan);
  if (plan.ttlMs === null) return 'without an end';
  const end = `${formatDuration(plan.ttlMs)}, until ${formatMinute(nowMs + plan.ttlMs)}`;
  return most === null ? `for ${end}` : `at most ${formatMoney(most)} in ${end}`;
}

/** `2026-11-23 18:30 UTC`. */
function formatMinute(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
