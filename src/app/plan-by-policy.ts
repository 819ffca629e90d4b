/** The plan of `up`, and the policies that it has to keep to. */
import { budgetsOf, type Decisions, type PolicyRule } from '../domain/policy.ts';
import type { AppContext } from './context.ts';
import { planUp, type UpPlan, type UpRequest } from './plan-up.ts';
import { decisionsOfWish } from './plan-wish.ts';
import { refuse, toError } from './refuse-by-policy.ts';

/**
 * Decides everything, as `planUp` does, and holds it against the policies: whatever a value comes from, a flag, a project, the
 * settings or a provider's default.
 * @throws SpuffError `config` naming the rule, and what `planUp` throws
 */
export async function planByPolicy(
  context: AppContext,
  request: UpRequest,
): Promise<{ plan: UpPlan; rules: readonly PolicyRule[] }> {
  const rules = await context.policy(context.directory);
  const plan = await planUp(
    context,
    request,
    (wish) => refuse(rules, decisionsOfWish(wish)),
    isBudgeted(rules),
  );
  const { forwardAgent } = await context.settings();
  refuse(rules, { ...decisionsOf(plan), forwardAgent });
  await refuseUnfinished(context, plan.name, rules);
  return { plan, rules };
}

/** What is gone on with is made as it was planned then, perhaps before there was the rule. */
async function refuseUnfinished(
  context: AppContext,
  name: string,
  rules: readonly PolicyRule[],
): Promise<void> {
  const unfinished = (await context.state()).findInstance(name);
  if (unfinished?.phase !== 'creating') return;
  const { findBreachesOf } = await import('./check-policy.ts');
  const [breach] = await findBreachesOf(context, rules, unfinished);
  if (breach) throw toError(breach, [`remove what an earlier run left unfinished: spuff down ${name}`]);
}

function decisionsOf(plan: UpPlan): Decisions {
  const { provider, region, otherRegions, size, isBilled, ttlMs, idleTimeoutMs, allowSshFrom } = plan;
  return {
    ...{ provider, isBilled, size, idleTimeoutMs, lifetimeMs: ttlMs, hasTailnet: plan.tailnet },
    regions: [region, ...otherRegions],
    ...((isBilled || allowSshFrom !== null) && { allowSshFrom }),
  };
}

function isBudgeted(rules: readonly PolicyRule[]): boolean {
  return budgetsOf(rules).length > 0;
}
