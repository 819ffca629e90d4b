/** The monthly budget of the settings, held against what is spent and what the machines that there are may yet cost. */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { addMoney, formatMoney, type MoneyLimit, percentOf, subtractMoney } from '../domain/money.ts';
import { budgetsOf, type PolicyRule } from '../domain/policy.ts';
import type { Money, ProviderId } from '../domain/provider.ts';
import { costAhead, costBetween, type Month, monthAt, readSpending, type Spell } from '../domain/spending.ts';
import type { AppContext } from './context.ts';
import type { UpPlan } from './plan-up.ts';

const warnPercent = 80;

/** One budget, and how much of it is gone. All amounts are of its currency. */
export interface BudgetUse {
  limit: Money;
  /** This month, until now. */
  spent: Money;
  /** What the machines that live can cost until their deadlines, as far as they are in this month. */
  ahead: Money;
  /** Of `limit`, both together. */
  percent: number;
}

/** Net and gross amounts of one currency would be counted together; no provider has both. */
export function useOfBudget(
  { amount, currency }: MoneyLimit,
  spells: readonly Spell[],
  month: Month,
  nowMs: number,
): BudgetUse {
  const own = spells.filter(({ tariff }) => tariff.hourly.currency === currency);
  const none: Money = { amount: '0', currency, basis: own[0]?.tariff.hourly.basis ?? 'unspecified' };
  const sum = (cost: (spell: Spell) => Money) => own.map(cost).reduce(addMoney, none);
  const spent = sum((spell) => costBetween(spell, month.startMs, nowMs));
  const ahead = sum((spell) => costAhead(spell, nowMs, month.endMs));
  const percent = percentOf(addMoney(spent, ahead).amount, amount);
  return { limit: { ...none, amount }, spent, ahead, percent };
}

/**
 * Warns, or refuses, by the instances that there would be: the new one among them.
 * @throws SpuffError `quota` when the month can come to more than its budget
 */
export type BudgetCheck = (instances: readonly Instance[]) => void;

/**
 * Reads what a check needs, so that the check itself can be made inside a transaction of the state.
 * @throws SpuffError `quota` where it can't be told whether the budget holds
 */
export async function openBudgetCheck(
  context: AppContext,
  plan: UpPlan,
  isAllowed: boolean,
): Promise<BudgetCheck> {
  const { monthlyBudgets: budgets } = await context.settings();
  if (budgets === null || !plan.isBilled) return () => undefined;
  if (plan.dearest === null) return refuseUnknown(context, plan, isAllowed);
  const { currency } = plan.dearest.hourly;
  const budget = budgets.find((one) => one.currency === currency);
  if (!budget) {
    context.progress.note(`${plan.provider} bills in ${currency}, which monthly_budget says nothing about`);
    return () => undefined;
  }
  return openCheck(context, plan, budget, (use, left) => {
    if (!isAllowed) throw overBudget(use, plan, left);
  });
}

/**
 * The same for the budgets of the policies: nothing passes over them, and what they can't be held against is refused.
 * @throws SpuffError `quota` naming the rule
 */
export async function openPolicyBudget(
  context: AppContext,
  plan: UpPlan,
  rules: readonly PolicyRule[],
): Promise<BudgetCheck> {
  const budgets = budgetsOf(rules);
  const [first] = budgets;
  if (first === undefined || !plan.isBilled) return () => undefined;
  const hints = ['see what holds here: spuff policy show'];
  const currency = plan.dearest?.hourly.currency;
  const budget = budgets.find(({ limit }) => limit.currency === currency);
  if (!budget) {
    const why =
      currency === undefined ? `nobody tells what ${plan.size} costs` : `it says nothing about ${currency}`;
    throw new SpuffError('quota', `${first.where}: monthly_budget: whether it holds is not known: ${why}`, {
      hints,
    });
  }
  return openCheck(context, plan, budget.limit, (use) => {
    const what = `with ${plan.name} ${describeUse(use)}, and ${formatMoney(use.limit)} are allowed`;
    throw new SpuffError('quota', `${budget.where}: monthly_budget: ${what}`, { hints });
  });
}

async function openCheck(
  context: AppContext,
  plan: UpPlan,
  budget: MoneyLimit,
  onOver: (use: BudgetUse, left: Money) => void,
): Promise<BudgetCheck> {
  const receipts = (await context.state()).listReceipts();
  const nowMs = context.runtime.now();
  return (instances) => {
    const { spells } = readSpending(
      { instances: instances.map(asDearest(plan)), receipts },
      nowMs,
      () => true,
    );
    const use = useOfBudget(budget, spells, monthAt(nowMs), nowMs);
    if (use.percent < warnPercent) return;
    const others = spells.filter(({ name }) => name !== plan.name);
    const left = leftOf(useOfBudget(budget, others, monthAt(nowMs), nowMs));
    if (isOver(use)) onOver(use, left);
    context.progress.warn(
      `${describeUse(use)}: ${use.percent} % of monthly_budget, ${formatMoney(use.limit)}`,
    );
  };
}

function asDearest({ name, dearest }: UpPlan): (instance: Instance) => Instance {
  return (instance) => (instance.name === name ? { ...instance, tariff: dearest } : instance);
}

function refuseUnknown({ progress }: AppContext, { size }: UpPlan, isAllowed: boolean): BudgetCheck {
  if (!isAllowed) {
    throw new SpuffError(
      'quota',
      `whether monthly_budget holds is not known: nobody tells what ${size} costs`,
      {
        hints: ['name a size with a price: spuff sizes', 'or go on all the same: --over-budget'],
      },
    );
  }
  progress.warn('what it costs is not known, and not counted in monthly_budget');
  return () => undefined;
}

function isOver(use: BudgetUse): boolean {
  return subtractMoney(addMoney(use.spent, use.ahead), use.limit).amount !== '0';
}

function leftOf({ limit, spent, ahead }: BudgetUse): Money {
  return subtractMoney(limit, addMoney(spent, ahead));
}

function describeUse({ spent, ahead }: BudgetUse): string {
  const parts = `${formatMoney(spent)} spent, ${formatMoney(ahead)} until the deadlines of what runs`;
  return `this month can come to ${formatMoney(addMoney(spent, ahead))} (${parts})`;
}

function overBudget(use: BudgetUse, { name }: UpPlan, left: Money): SpuffError {
  const spend = { ...left, amount: left.amount.replace(/(\.\d\d)\d+$/, '$1') };
  return new SpuffError(
    'quota',
    `with ${name} ${describeUse(use)}: monthly_budget is ${formatMoney(use.limit)}`,
    {
      hints: [
        ...(/[1-9]/.test(spend.amount)
          ? [`give it what is left: --max-spend ${spend.amount}${spend.currency}, or a shorter --ttl`]
          : []),
        'see what costs: spuff cost',
        'or go on knowingly: --over-budget',
      ],
    },
  );
}

/** Whether machines at a provider cost anything. One that can't be opened may. */
export async function findBilled(
  context: AppContext,
  ids: Iterable<ProviderId>,
): Promise<(id: ProviderId) => boolean> {
  const free = new Set<ProviderId>();
  for (const id of new Set(ids)) {
    try {
      if ((await context.provider(id)).caps.billing === null) free.add(id);
    } catch (error) {
      if (!(error instanceof SpuffError)) throw error;
    }
  }
  return (id) => !free.has(id);
}
