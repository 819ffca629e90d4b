import type { Instance } from './instance.ts';
import { endSlackMs } from './spend-limit.ts';

/**
 * When a machine is taken to have ended that nobody saw end: by the first look that missed it, and not after its deadline and
 * what ending takes, unless it was seen after that. Cost goes on no longer than that.
 */
export function assumeEnd(
  { createdAt, expiresAt, vmState }: Pick<Instance, 'createdAt' | 'expiresAt' | 'vmState'>,
  nowMs: number,
): Date {
  const checkedMs = vmState?.checkedAt.getTime() ?? createdAt.getTime();
  const isMissed = vmState?.state === 'gone';
  const missedMs = isMissed ? Math.min(checkedMs, nowMs) : nowMs;
  const seenMs = isMissed ? createdAt.getTime() : checkedMs;
  const leaseMs = (expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) + endSlackMs;
  return new Date(Math.min(missedMs, Math.max(leaseMs, seenMs)));
}
