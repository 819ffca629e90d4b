import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Receipt } from '../../src/domain/receipt.ts';

/** Of a machine that is gone, of nobody in particular; `change` says what is different. */
export function sampleReceipt(change: Partial<Receipt> = {}): Receipt {
  return {
    key: '01k00000000000000000000077' as InstanceKey,
    name: 'demo',
    provider: 'fake',
    region: 'here',
    size: 'small',
    vmId: 'vm-demo',
    directory: '/projects/elsewhere',
    by: 'reap',
    why: 'past-deadline',
    createdAt: new Date(Date.UTC(2026, 10, 23, 10, 0, 0)),
    endedAt: new Date(Date.UTC(2026, 10, 23, 12, 0, 0)),
    assumedEndAt: null,
    tariff: null,
    cost: null,
    snapshot: null,
    rescue: null,
    ...change,
  };
}
