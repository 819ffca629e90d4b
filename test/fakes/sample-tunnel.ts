import type { TunnelRecord } from '../../src/domain/tunnel.ts';
import { sampleInstance } from './sample-instance.ts';

/** A tunnel to the sample instance that carries port 3000 in the background. */
export function sampleTunnel(change: Partial<TunnelRecord> = {}): TunnelRecord {
  const { key, name } = sampleInstance();
  return {
    id: '0123abcd',
    key,
    name,
    kind: 'background',
    process: { host: 'here', bootId: 'b', pid: 4711, startedAt: '1' },
    startedAt: new Date(Date.UTC(2026, 10, 23, 11, 0, 0)),
    state: 'connected',
    since: new Date(Date.UTC(2026, 10, 23, 11, 30, 0)),
    auto: false,
    ports: [{ local: 3000, remote: 3000, isListening: true, blocked: null }],
    offered: [],
    lastError: null,
    ...change,
  };
}
