import type { GuardPolicy } from '../domain/guard.ts';
import { mergePolicies } from '../domain/guard-policy.ts';
import { confirmOf, type PolicyRule } from '../domain/policy.ts';

/** The guard's policy, held to the rules for everybody. */
export function narrowGuard(own: GuardPolicy, rules: readonly PolicyRule[]): GuardPolicy {
  const confirm = confirmOf(rules);
  if (confirm === null) return own;
  // A signature over a commit is asked about by a mode of its own.
  const commitSigning = confirm === 'never' ? own.commitSigning : 'confirm';
  return mergePolicies(own, { ...own, confirm, commitSigning });
}
