/** What all connections of one guard share: the policy, the lease, the limits, the log, and the person to ask. */
import type { AuditLog } from '../../domain/audit.ts';
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
import { createConsent } from './consent.ts';
import { type LeaseClocks, type LeaseState, startLease } from './lease.ts';
import { createTokenBucket } from './token-bucket.ts';

export interface GuardMachine {
  key: InstanceKey;
  name: string;
  /** The pinned host key, as a blob (RFC 4253, section 6.6). */
  hostKey: Buffer;
}

export interface GuardCoreParts {
  /** A signature is in it before it leaves. */
  audit: Pick<AuditLog, 'require' | 'note'>;
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
  const { machine, clocks } = parts;
  const monotonicMs = () => clocks.monotonicMs();
  const consent = createConsent(machine.name, options.mayAsk);
  const book = createBook(parts, options);
  let { policy } = parts;
  const lease = startLease(policy.leaseMs, clocks);
  let signatures = createTokenBucket(policy.rate, monotonicMs);
  return {
    upstreamPath: parts.upstreamPath,
    machineHostKey: machine.hostKey,
    policy: () => policy,
    lease: () => lease.state(),
    takeRate: () => signatures.take(),
    confirm: (request) => consent.ask(request, policy),
    recordSigned: (request) => book.recordSigned(request),
    refuse: (request, reason) => book.refuse(request, reason),
    revoke: () => lease.revoke(),
    reload: async () => {
      policy = await options.loadPolicy();
      signatures = createTokenBucket(policy.rate, monotonicMs);
    },
    attach: (session) => consent.attach(session),
    status: () => ({
      session: parts.session,
      instanceKey: machine.key,
      instanceName: machine.name,
      pid: process.pid,
      leaseEndsAt: lease.endsAt.toISOString(),
      revoked: lease.state() === 'revoked',
      ...book.totals(),
      policy,
    }),
  };
}

type Totals = Pick<GuardStatus, 'startedAt' | 'signed' | 'refused' | 'lastRefusal'>;

/** Writes down what was decided, and counts it. */
function createBook({ machine, clocks, session, audit }: GuardCoreParts, options: GuardOptions) {
  const tellings = createTokenBucket(toldRefusals, () => clocks.monotonicMs());
  const now = () => new Date(clocks.wallMs()).toISOString();
  const totals: Totals = { startedAt: now(), signed: 0, refused: 0, lastRefusal: null };
  const write = (request: GuardRequest, reason: RefusalReason | null): GuardRecord => {
    const details: Omit<GuardRecord, 'at'> = {
      ...{ instanceKey: machine.key, instanceName: machine.name, session },
      ...{ decision: reason === null ? 'signed' : 'refused', reason, request },
    };
    // What is refused is refused, written down or not.
    if (reason === null) audit.require({ kind: 'signature', details });
    else audit.note({ kind: 'signature', details });
    return { at: now(), ...details };
  };
  return {
    totals: () => totals,
    recordSigned: (request: GuardRequest): boolean => {
      try {
        write(request, null);
      } catch {
        return false;
      }
      totals.signed += 1;
      return true;
    },
    refuse: (request: GuardRequest, reason: RefusalReason): void => {
      totals.refused += 1;
      if (!tellings.take()) return;
      totals.lastRefusal = write(request, reason);
      options.onRefused(totals.lastRefusal);
    },
  };
}
