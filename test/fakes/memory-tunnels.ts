import type { TunnelRecord, TunnelStore } from '../../src/domain/tunnel.ts';

/** The port to the tunnels of this computer, in memory: all of them live until they are ended. */
export class MemoryTunnels implements TunnelStore {
  readonly records = new Map<string, TunnelRecord>();
  /** Every state that was saved, the first one first. */
  readonly saved: TunnelRecord[] = [];
  readonly ended: string[] = [];

  constructor(records: readonly TunnelRecord[] = []) {
    for (const record of records) this.records.set(record.id, record);
  }

  self() {
    return { host: 'here', bootId: 'b', pid: 4711, startedAt: '1' };
  }

  list(): TunnelRecord[] {
    return [...this.records.values()];
  }

  get(id: string): TunnelRecord | null {
    return this.records.get(id) ?? null;
  }

  save(record: TunnelRecord): void {
    this.records.set(record.id, record);
    this.saved.push(record);
  }

  remove(id: string): void {
    this.records.delete(id);
  }

  async end(record: TunnelRecord): Promise<void> {
    this.ended.push(record.id);
    this.records.delete(record.id);
  }

  async withLock<T>(_signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return work();
  }
}
