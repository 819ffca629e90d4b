/**
 * What the guard lets a machine do with the keys of the user's ssh-agent. The guard is the agent that is forwarded in the
 * place of the user's; docs/guard.md says what it protects against and what it can't.
 */
import type { InstanceKey } from './ids.ts';

/** From the loosest to the strictest. */
export const confirmModes = ['never', 'first-use', 'always'] as const;
export type ConfirmMode = (typeof confirmModes)[number];

/** From the loosest to the strictest. */
export const commitSigningModes = ['allow', 'confirm', 'off'] as const;
export type CommitSigning = (typeof commitSigningModes)[number];

/** A place that a machine may log in to with the user's keys. */
export interface GuardDestination {
  /** Of the host, as the user writes it; for messages, and to tell entries of two policies apart. */
  name: string;
  /** Whom a login there may be as. */
  users: readonly string[];
  /** `type base64`: the host keys that are believed to be this host's. */
  hostKeys: readonly string[];
  /**
   * Whether a plain `publickey` signature will do. It can be used by whoever holds one of the host's keys, so only the
   * built-in forges are trusted with it, which offer nothing better. Elsewhere the signature must name the host key.
   */
  plain: boolean;
}

/** A policy after defaults and after the stricter of several has won. */
export interface GuardPolicy {
  /**
   * Each list narrows: a key must be in all of them, by its fingerprint (`SHA256:…`) or by its comment. No list: every
   * key of the agent.
   */
  keys: readonly (readonly string[])[];
  destinations: readonly GuardDestination[];
  confirm: ConfirmMode;
  /** A question that nobody answers is a no. */
  confirmTimeoutMs: number;
  /** The longest time that one session may sign; the session's end ends it sooner. */
  leaseMs: number;
  rate: { perMinute: number; burst: number };
  /** Signatures over git commits and tags (SSHSIG, namespace `git`). */
  commitSigning: CommitSigning;
}

/** Why the guard refused. A closed set: messages and documentation are made of it. */
export const refusals = {
  malformed: 'the request is not one that ssh sends',
  unsupported: 'a forwarded agent has no business doing that',
  unbound: 'the client did not say which host the signature is for',
  poisoned: 'an earlier proof on the same connection was false',
  'wrong-machine': 'the connection does not come from the machine it was opened for',
  'false-proof': 'the proof of a host key is false',
  'lease-over': 'the lease of the session is over',
  revoked: 'the session was revoked',
  key: 'the key is not one that the machine may use',
  algorithm: 'the signature algorithm is too weak, or not one of that key',
  destination: 'the host is not allowed',
  user: 'the user is not allowed on that host',
  plain: 'the signature would not be bound to the host',
  namespace: 'only signatures for git are known',
  'commit-signing': 'signing commits is not allowed',
  rate: 'too many signatures were asked for',
  denied: 'it was not confirmed',
  log: 'it could not be written to the log of the guard',
  upstream: 'the ssh-agent refused, or did not answer',
} as const;
export type RefusalReason = keyof typeof refusals;

/** What was asked of the guard, as far as it could be understood. */
export interface GuardRequest {
  kind: 'login' | 'commit' | 'other';
  /** Of the key that should sign; null where none was named. */
  keyFingerprint: string | null;
  /** Name of the destination where it is on the list. */
  destination: string | null;
  /** `SHA256:…` of the destination's host key. */
  hostFingerprint: string | null;
  /** `type base64` of the destination's host key, whose possession was proved. */
  hostKey: string | null;
  user: string | null;
}

export type GuardVerdict =
  | { allowed: true; request: GuardRequest; needsConfirmation: boolean }
  | { allowed: false; request: GuardRequest; reason: RefusalReason };

/** One line of the guard's log. */
export interface GuardRecord {
  /** ISO 8601. */
  at: string;
  instanceKey: InstanceKey;
  instanceName: string;
  /** Of the guard: one for each session. */
  session: string;
  decision: 'signed' | 'refused';
  reason: RefusalReason | null;
  request: GuardRequest;
}

/** A question to the person at the terminal, before a signature that the policy wants confirmed. */
export interface GuardQuestion {
  instanceName: string;
  request: GuardRequest;
  timeoutMs: number;
}

/** What a guard is for, and whom it asks and tells. */
export interface GuardOptions {
  /** Read when the guard opens, and again when it is told that the policy has changed. @throws SpuffError `config` */
  loadPolicy(): Promise<GuardPolicy>;
  /** Whether a person may be asked at all. */
  mayAsk: boolean;
  /** Hears of refusals, but not of more than a few in a row: a flood must not drown the session. */
  onRefused(record: GuardRecord): void;
}

/** A session that can be made to let go of the terminal for a moment. */
export interface PausableSession {
  pause(): void;
  resume(): void;
}

/** A guard that listens, in this process. */
export interface Guard {
  /** What ssh forwards instead of the user's agent: a Unix socket, 0600 in a 0700 directory. */
  readonly socketPath: string;
  status(): GuardStatus;
  /** The session that has the terminal; null: it has ended. */
  attach(session: PausableSession | null): void;
  /** Ends every connection; nothing is signed from then on. Again is success. */
  close(): Promise<void>;
}

/** What a running guard says of itself. */
export interface GuardStatus {
  session: string;
  instanceKey: InstanceKey;
  instanceName: string;
  pid: number;
  startedAt: string;
  /** When it stops signing. */
  leaseEndsAt: string;
  revoked: boolean;
  signed: number;
  refused: number;
  lastRefusal: GuardRecord | null;
  policy: GuardPolicy;
}
