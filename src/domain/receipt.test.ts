import { expect, it } from 'vitest';
import type { InstanceKey } from './ids.ts';
import { makeReceipt } from './receipt.ts';

const hourly = { amount: '0.018', currency: 'USD', basis: 'net' } as const;
const receipt = {
  key: '01k00000000000000000000000' as InstanceKey,
  ...{ name: 'demo', provider: 'fake', region: 'here', size: 'small', vmId: '1', directory: '/p' },
  ...({ by: 'reap', why: 'past-deadline', snapshot: null } as const),
  createdAt: new Date('2026-11-23T10:00:00Z'),
  endedAt: new Date('2026-11-23T11:30:00Z'),
  assumedEndAt: null,
  tariff: { hourly, granularity: 'second', minSeconds: 60 } as const,
};

it('says what a machine has cost, by its price and how its provider counts', () => {
  expect(makeReceipt(receipt).cost).toEqual({ ...hourly, amount: '0.027' });
  const byHour = { hourly, granularity: 'hour', minSeconds: 3_600 } as const;
  expect(makeReceipt({ ...receipt, tariff: byHour }).cost).toEqual({ ...hourly, amount: '0.036' });
});

it('says nothing of what is not known', () => {
  expect(makeReceipt({ ...receipt, tariff: null }).cost).toBeNull();
  expect(makeReceipt({ ...receipt, endedAt: null }).cost).toBeNull();
  const assumed = makeReceipt({ ...receipt, endedAt: null, assumedEndAt: receipt.endedAt });
  expect(assumed.cost).toEqual(makeReceipt(receipt).cost);
});
