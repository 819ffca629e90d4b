/** What all connections of one guard share: the policy, the lease, the limits, the log, and the person to ask. */
import type {
  GuardOptions,
  GuardPolicy,
  GuardRecord,
  GuardRequest,
  GuardStatus,
  PausableSession,
  RefusalReason,
} from '../../domain/guard.ts';
import type { InstanceKey } from '../../domain/ids.ts';
import { askPerson } from './ask-person.ts';
import { appendGuardRecord } from './guard-log.ts';
import { type LeaseClocks, type LeaseState, startLease } from './lease.ts';
import { createTokenBucket } from './token-bucket.ts';

export interface GuardMachine {
  key: InstanceKey;
  name: string;
  /** The pinned host key, as a blob (RFC 4253, section 6.6). */
  hostKey: Buffer;
}

export interface GuardCoreParts {
  home: string;
  /** Of this guard: 8 hex digits. */
  session: string;
  machine: GuardMachine;
  /** The user's agent. */
  upstreamPath: string;
  policy: GuardPolicy;
  clocks: LeaseClocks;
}

export interface GuardCore {
  readonly upstreamPath: string;
  readonly machineHostKey: Buffer;
  policy(): GuardPolicy;
  lease(): LeaseState;
  /** @returns false when too many signatures were asked for */
  takeRate(): boolean;
  /** Asks the person, one question at a time. @returns false for a no, and when nobody answers */
  confirm(request: GuardRequest): Promise<boolean>;
  /** @returns false when it can't be written down: then there must be no signature */
  recordSigned(request: GuardRequest): boolean;
  refuse(request: GuardRequest, reason: RefusalReason): void;
  revoke(): void;
  /** @throws SpuffError `config`: then the policy stays as it was */
  reload(): Promise<void>;
  attach(session: PausableSession | null): void;
  status(): GuardStatus;
}

/** Refusals that are told and written down, one by one; beyond them they are only counted. */
const toldRefusals = { perMinute: 30, burst: 20 };

export function createGuardCore(parts: GuardCoreParts, options: GuardOptions): GuardCore {
  const { machine, clocks, session, home } = parts;
  const startedAt = new Date(clocks.wallMs()).toISOString();
  const monotonicMs = () => clocks.monotonicMs();
  let { policy } = parts;
  const lease = startLease(policy.leaseMs, clocks);
  let signatures = createTokenBucket(policy.rate, monotonicMs);
  const tellings = createTokenBucket(toldRefusals, monotonicMs);
  const confirmed = new Set<string>();
  let terminal: PausableSession | null = null;
  let questions: Promise<unknown> = Promise.resolve();
  let signed = 0;
  let refused = 0;
  let lastRefusal: GuardRecord | null = null;

  const makeRecord = (request: GuardRequest, reason: RefusalReason | null): GuardRecord => ({
    at: new Date(clocks.wallMs()).toISOString(),
    instanceKey: machine.key,
    instanceName: machine.name,
    session,
    decision: reason === null ? 'signed' : 'refused',
    reason,
    request,
  });
  const ask = async (request: GuardRequest): Promise<boolean> => {
    const subject = JSON.stringify([
      request.kind,
      request.hostFingerprint,
      request.user,
      request.keyFingerprint,
    ]);
    if (policy.confirm !== 'always' && confirmed.has(subject)) return true;
    const question = { instanceName: machine.name, request, timeoutMs: policy.confirmTimeoutMs };
    if (!options.mayAsk || !(await askPerson(question, terminal))) return false;
    confirmed.add(subject);
    return true;
  };

  return {
    upstreamPath: parts.upstreamPath,
    machineHostKey: machine.hostKey,
    policy: () => policy,
    lease: () => lease.state(),
    takeRate: () => signatures.take(),
    confirm: (request) => {
      const answer = questions.then(() => ask(request));
      questions = answer.catch(() => undefined);
      return answer;
    },
    recordSigned: (request) => {
      try {
        appendGuardRecord(home, makeRecord(request, null));
      } catch {
        return false;
      }
      signed++;
      return true;
    },
    refuse: (request, reason) => {
      refused++;
      if (!tellings.take()) return;
      lastRefusal = makeRecord(request, reason);
      try {
        appendGuardRecord(home, lastRefusal);
      } catch {
        // It is refused all the same, and told.
      }
      options.onRefused(lastRefusal);
    },
    revoke: () => lease.revoke(),
    reload: async () => {
      policy = await options.loadPolicy();
      signatures = createTokenBucket(policy.rate, monotonicMs);
    },
    attach: (next) => {
      terminal = next;
    },
    status: () => ({
      session,
      instanceKey: machine.key,
      instanceName: machine.name,
      pid: process.pid,
      startedAt,
      leaseEndsAt: lease.endsAt.toISOString(),
      revoked: lease.state() === 'revoked',
      signed,
      refused,
      lastRefusal,
      policy,
    }),
  };
}
