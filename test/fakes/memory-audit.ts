import type { AuditEntry, AuditFilter, AuditLine, AuditLog, AuditReport } from '../../src/domain/audit.ts';

/** The local log in memory; without hashes. */
export class MemoryAudit implements AuditLog {
  readonly lines: AuditLine[] = [];
  /** What writing throws; null: it works. */
  failure: Error | null = null;
  /** When lines are written, ms. */
  nowMs = 0;

  get entries(): Pick<AuditLine, 'kind' | 'details'>[] {
    return this.lines.map(({ kind, details }) => ({ kind, details }));
  }

  require({ kind, details }: AuditEntry | { kind: string; details: object }): void {
    if (this.failure) throw this.failure;
    const at = new Date(this.nowMs).toISOString();
    const chain = { prev: '0'.repeat(64), hash: '0'.repeat(64) };
    this.lines.push({ seq: this.lines.length + 1, at, pid: 1, kind, details: { ...details }, ...chain });
  }

  note(entry: AuditEntry): void {
    if (!this.failure) this.require(entry);
  }

  read({ kinds, sinceMs = 0, last = this.lines.length }: AuditFilter = {}): AuditLine[] {
    const found = this.lines.filter(
      ({ kind, at }) => (kinds?.includes(kind) ?? true) && Date.parse(at) >= sinceMs,
    );
    return last === 0 ? [] : found.slice(-last);
  }

  async *follow(): AsyncGenerator<AuditLine> {
    yield* this.lines;
  }

  verify(): AuditReport {
    const head = { seq: this.lines.length, hash: '0'.repeat(64) };
    return { files: 1, lines: this.lines.length, head, findings: [], torn: [] };
  }

  close(): void {
    this.lines.length = 0;
  }
}

/** A log of the guard's decisions, each at its time. */
export function auditOf(records: readonly object[]): MemoryAudit {
  const audit = new MemoryAudit();
  for (const record of records) {
    const { at = new Date(0).toISOString(), ...details } = record as { at?: string };
    audit.nowMs = Date.parse(at);
    audit.require({ kind: 'signature', details });
  }
  return audit;
}
