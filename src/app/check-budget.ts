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

/** A machine that is to cost more than it does: one that is to be made, or to live longer. */
export interface BudgetedMachine extends Pick<UpPlan, 'name' | 'provider' | 'size' | 'dearest' | 'isBilled'> {
  /** What to do instead: where its price is not known, and where so much is left, such as `0.49EUR`. */
  instead: { ofUnknown: string; within: (left: string) => string };
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
  machine: BudgetedMachine,
  isAllowed: boolean,
): Promise<BudgetCheck> {
  const { monthlyBudgets: budgets } = await context.settings();
  if (budgets === null || !machine.isBilled) return () => undefined;
  if (machine.dearest === null) return refuseUnknown(context, machine, isAllowed);
  const { currency } = machine.dearest.hourly;
  const budget = budgets.find((one) => one.currency === currency);
  if (!budget) {
    context.progress.note(
      `${machine.provider} bills in ${currency}, which monthly_budget says nothing about`,
    );
    return () => undefined;
  }
  return openCheck(context, machine, budget, (use, left) => {
    if (!isAllowed) throw overBudget(use, machine, left);
  });
}

/**
 * The same for the budgets of the policies: nothing passes over them, and what they can't be held against is refused.
 * @throws SpuffError `quota` naming the rule
 */
export async function openPolicyBudget(
  context: AppContext,
  plan: Omit<BudgetedMachine, 'instead'>,
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
  machine: Omit<BudgetedMachine, 'instead'>,
  budget: MoneyLimit,
  onOver: (use: BudgetUse, left: Money) => void,
): Promise<BudgetCheck> {
  const receipts = (await context.state()).listReceipts();
  const nowMs = context.runtime.now();
  return (instances) => {
    const { spells } = readSpending(
      { instances: instances.map(asDearest(machine)), receipts },
      nowMs,
      () => true,
    );
    const use = useOfBudget(budget, spells, monthAt(nowMs), nowMs);
    if (use.percent < warnPercent) return;
    const others = spells.filter(({ name }) => name !== machine.name);
    const left = leftOf(useOfBudget(budget, others, monthAt(nowMs), nowMs));
    if (isOver(use)) onOver(use, left);
    context.progress.warn(
      `${describeUse(use)}: ${use.percent} % of monthly_budget, ${formatMoney(use.limit)}`,
    );
  };
}

function asDearest({
  name,
  dearest,
}: Pick<BudgetedMachine, 'name' | 'dearest'>): (instance: Instance) => Instance {
  return (instance) => (instance.name === name ? { ...instance, tariff: dearest } : instance);
}

function refuseUnknown(
  { progress }: AppContext,
  { size, instead }: BudgetedMachine,
  isAllowed: boolean,
): BudgetCheck {
  if (!isAllowed) {
    throw new SpuffError(
      'quota',
      `whether monthly_budget holds is not known: nobody tells what ${size} costs`,
      {
        hints: [instead.ofUnknown, 'or go on all the same: --over-budget'],
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

function overBudget(use: BudgetUse, { name, instead }: BudgetedMachine, left: Money): SpuffError {
  const spend = { ...left, amount: left.amount.replace(/(\.\d\d)\d+$/, '$1') };
  return new SpuffError(
    'quota',
    `with ${name} ${describeUse(use)}: monthly_budget is ${formatMoney(use.limit)}`,
    {
      hints: [
        ...(/[1-9]/.test(spend.amount) ? [instead.within(`${spend.amount}${spend.currency}`)] : []),
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
