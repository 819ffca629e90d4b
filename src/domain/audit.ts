/**
 * The local log: what spuff did to the outside world, one line each, in a chain of hashes. The port to it, and what its lines
 * say. Nothing in an entry may be a secret; what looks like one is taken out before it is written.
 */
import type { GuardRecord } from './guard.ts';

/** What a line is about. */
export const auditKinds = {
  log: 'the log itself: that it was begun, goes on in another file, or had a torn line',
  change: 'a change at a provider is begun',
  request: 'a request of a change, and what became of it',
  'host-key': 'a host key was learned, pinned, or was not the right one',
  signature: 'the guard signed, or refused to',
  command: 'a program was run on a machine, or had ended',
  session: 'a session was opened or closed',
  deadline: 'the end of a lease was moved or put on a machine, or a machine is kept on',
  end: 'a machine is gone: its receipt',
} as const;

interface OfInstance {
  instanceKey: string;
  instanceName: string;
}

interface OfProvider {
  provider: string;
  /** The method of the port. */
  operation: string;
  /** null where the change is not about one instance. */
  instanceKey: string | null;
}

interface Details {
  /** `what`: the region and size of a machine, the name of a snapshot, the networks of a firewall, and so on. */
  change: OfProvider & { what: Readonly<Record<string, unknown>> };
  /** `status` null: there was no answer. */
  request: OfProvider & { method: string; url: string; status: number | null; requestId: string | null };
  /** `fingerprint`: `SHA256:…`; null where it is not known. */
  'host-key': OfInstance & { event: 'learned' | 'pinned' | 'mismatch'; fingerprint: string | null };
  signature: Omit<GuardRecord, 'at'>;
  /** The program's name alone, and how many arguments it had: they may be secret. */
  command: OfInstance & {
    event: 'started' | 'ended';
    program: string;
    arguments: number;
    /** Of one that has ended; null: the connection failed or broke. */
    exitStatus?: number | null;
  };
  session: OfInstance & {
    event: 'opened' | 'closed';
    lent: 'nothing' | 'guard' | 'raw';
    exitStatus?: number | null;
  };
  /** `until` null: without an end. */
  deadline: OfInstance & { event: 'moved' | 'armed' | 'kept-on'; until: string | null };
  end: OfInstance & {
    provider: string;
    machine: string;
    by: string;
    why: string;
    endedAt: string | null;
    cost: string | null;
    snapshot: string | null;
  };
}

/** Something to be written down. */
export type AuditEntry = {
  [Kind in keyof Details]: { kind: Kind; details: Details[Kind] };
}[keyof Details];

/** A line of the log, as it stands there. What it says is not checked by reading it: see `AuditLog.verify`. */
export interface AuditLine {
  /** From 1, over all files. */
  seq: number;
  /** ISO 8601, by this computer's clock. */
  at: string;
  pid: number;
  /** One of `auditKinds`; a newer spuff may have more. */
  kind: string;
  details: Readonly<Record<string, unknown>>;
  /** SHA-256 in hex of the line before. */
  prev: string;
  hash: string;
}

/** A place in the chain. */
export interface AuditHead {
  /** 0: before the first line. */
  seq: number;
  hash: string;
}

/** Something that is wrong with the log. */
export interface AuditFinding {
  file: string;
  /** From 1; null: the file as a whole. */
  line: number | null;
  problem: string;
}

export interface AuditReport {
  files: number;
  lines: number;
  /** The newest line; what `--from-hash` of a later check takes. */
  head: AuditHead;
  /** What is wrong, the first 20. Empty: the log is whole. */
  findings: readonly AuditFinding[];
  /** Places where a process died in the middle of a line: nothing is missing there. */
  torn: readonly { file: string; line: number }[];
}

export interface AuditLog {
  /**
   * Writes a line before what it speaks of is done: it is in the file when this returns, whatever becomes of the process.
   * @throws SpuffError `state` | `permission` | `conflict` when it can't be written: then it must not be done
   */
  require(entry: AuditEntry): void;
  /** Writes a line about what is done in any case. Never throws: when it can't be written the user is told, once. */
  note(entry: AuditEntry): void;
  /**
   * Lines, the oldest first; what is no line is left out.
   * @param filter `sinceMs`: ms since 1970; `last`: so many at most, the newest
   * @throws SpuffError `state` | `permission`
   */
  read(filter?: AuditFilter): AuditLine[];
  /** Lines that are added from now on, until the signal aborts; ends then. */
  follow(signal: AbortSignal): AsyncIterable<AuditLine>;
  /**
   * Checks every line against the one before it, and the last one against the head that is kept beside the log.
   * @param fromHash of a line that must be there, and from which on is checked
   * @throws SpuffError `not-found` when no line has that hash
   */
  verify(fromHash?: string): AuditReport;
  /** Synchronous, as the last thing that a process does. Never throws. */
  close(): void;
}

export interface AuditFilter {
  kinds?: readonly string[];
  sinceMs?: number;
  last?: number;
}
