import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { type Breach, type Decisions, findBreaches, type PolicyRule } from '../domain/policy.ts';
import type { ProviderId } from '../domain/provider.ts';
import type { AppContext } from './context.ts';
import { decisionsOfWish } from './plan-wish.ts';

export interface PolicyFinding extends Breach {
  /** What breaks the rule: the settings, or the name of an instance. */
  subject: string;
}

/**
 * Holds the settings, and the instances that there are, against the rules of the directory and of the instances' own. Asks no
 * provider.
 * @throws SpuffError for a policy or settings that are wrong
 */
export async function checkPolicy(context: AppContext): Promise<PolicyFinding[]> {
  const rules = await context.policy(context.directory);
  const findings = name('settings', findBreaches(rules, await decisionsOfSettings(context)));
  for (const instance of (await context.state()).listInstances()) {
    const own = instance.directory === context.directory ? rules : await context.policy(instance.directory);
    findings.push(...name(instance.name, await findBreachesOf(context, own, instance)));
  }
  return findings;
}

/** What of a machine is decided for good. */
export async function findBreachesOf(
  context: AppContext,
  rules: readonly PolicyRule[],
  instance: Instance,
): Promise<Breach[]> {
  const { provider, region, size, createdAt, expiresAt, idleTimeoutMs } = instance;
  return findBreaches(rules, {
    ...{ provider, size, idleTimeoutMs, regions: [region] },
    isBilled: await isBilled(context, provider),
    lifetimeMs: expiresAt && expiresAt.getTime() - createdAt.getTime(),
  });
}

function name(subject: string, breaches: readonly Breach[]): PolicyFinding[] {
  return breaches.map((breach) => ({ subject, ...breach }));
}

/** As `up` without a flag would take them. */
async function decisionsOfSettings(context: AppContext): Promise<Decisions> {
  const settings = await context.settings();
  const provider = await context.provider(settings.provider);
  return decisionsOfWish({
    ...{ provider, settings, ttlMs: settings.maxLifetimeMs, idleTimeoutMs: settings.idleTimeoutMs },
    regions: settings.regions ?? [provider.defaults.region],
    size: settings.size ?? provider.defaults.size,
  });
}

/** One that can't be opened may cost something. */
async function isBilled(context: AppContext, id: ProviderId): Promise<boolean> {
  try {
    return (await context.provider(id)).caps.billing !== null;
  } catch (error) {
    if (error instanceof SpuffError) return true;
    throw error;
  }
}
