/** What a guard says of itself and writes down, for tests. */
import type { GuardRecord, GuardStatus } from '../../src/domain/guard.ts';
import { resolvePolicy } from '../../src/domain/guard-policy.ts';
import { nowMs } from './cli-run.ts';
import { sampleInstance } from './sample-instance.ts';

/** A guard of the sample instance, opened at `nowMs` of the fakes; `change` says what is different. */
export function sampleGuardStatus(change: Partial<GuardStatus> = {}): GuardStatus {
  const { key, name } = sampleInstance();
  return {
    session: '0a0a0a0a',
    instanceKey: key,
    instanceName: name,
    pid: 77,
    startedAt: new Date(nowMs).toISOString(),
    leaseEndsAt: new Date(nowMs + 3_600_000).toISOString(),
    revoked: false,
    signed: 3,
    refused: 1,
    lastRefusal: null,
    policy: resolvePolicy(null, null),
    ...change,
  };
}

/** A login to a host that is not on the list, refused a minute ago. */
export function sampleGuardRecord(
  change: Partial<GuardRecord> = {},
  request: Partial<GuardRecord['request']> = {},
): GuardRecord {
  const { key, name } = sampleInstance();
  return {
    at: new Date(nowMs - 60_000).toISOString(),
    instanceKey: key,
    instanceName: name,
    session: '0a0a0a0a',
    decision: 'refused',
    reason: 'destination',
    ...change,
    request: {
      kind: 'login',
      keyFingerprint: `SHA256:${'k'.repeat(43)}`,
      destination: null,
      hostFingerprint: `SHA256:${'h'.repeat(43)}`,
      hostKey: 'ssh-ed25519 AAAA',
      user: 'git',
      ...request,
    },
  };
}
