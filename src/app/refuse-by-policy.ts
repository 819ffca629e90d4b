/** Holds what is about to be done against the policies, before anything is asked of anybody. */
import { SpuffError } from '../domain/errors.ts';
import { type Breach, type Decisions, findBreaches, type PolicyRule } from '../domain/policy.ts';
import type { AppContext } from './context.ts';

/**
 * @param directory whose policies count, besides the computer's
 * @throws SpuffError `config` naming the rule and where it stands; what is
 * wrong with a policy itself
 */
export async function refuseByPolicy(
  context: Pick<AppContext, 'policy'>,
  directory: string,
  decisions: Decisions,
): Promise<void> {
  refuse(await context.policy(directory), decisions);
}

export function refuse(rules: readonly PolicyRule[], decisions: Decisions): void {
  const [first] = findBreaches(rules, decisions);
  if (first) throw toError(first);
}

export function toError({ rule, message, hint }: Breach, hints: readonly string[] = []): SpuffError {
  return new SpuffError('config', `${rule.where}: ${rule.name}: ${message}`, {
    hints: [...hints, hint, 'see what holds here: spuff policy show'],
  });
}
