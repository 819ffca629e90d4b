import { expect, it } from 'vitest';
import type { Instance } from './instance.ts';
import { endSlackMs } from './spend-limit.ts';
import { assumeEnd } from './unseen-end.ts';

const minuteMs = 60_000;
const at = (minutes: number) => new Date(Date.UTC(2026, 10, 23) + minutes * minuteMs);

/** In minutes since its making, for a lease of an hour. */
function assume(now: number, vmState: [Instance['phase'] | 'running' | 'gone', number] | null, lease = 60) {
  const [state, checked] = vmState ?? ['running', 0];
  const of = {
    createdAt: at(0),
    expiresAt: Number.isFinite(lease) ? at(lease) : null,
    vmState: vmState && { state: state as 'running' | 'gone', checkedAt: at(checked) },
  };
  return (assumeEnd(of, at(now).getTime()).getTime() - at(0).getTime()) / minuteMs;
}

const leaseEnds = 60 + endSlackMs / minuteMs;

it.each([
  ['that is missed within its lease ended by then', 30, null, 30],
  ['that is missed long after its deadline ended by that', 5_000, null, leaseEnds],
  ['that was missed before ended by then', 50, ['gone', 20], 20],
  ['that was missed after its deadline ended by that', 5_000, ['gone', 4_000], leaseEnds],
  ['that was seen after its deadline ended after that', 5_000, ['running', 300], 300],
  ['that was seen within its lease ended by its deadline', 5_000, ['running', 20], leaseEnds],
] as const)('one %s', (_what, now, vmState, end) => {
  expect(assume(now, vmState && [...vmState])).toBe(end);
});

it('one without a deadline ended by the look that missed it', () => {
  expect(assume(5_000, ['running', 20], Number.POSITIVE_INFINITY)).toBe(5_000);
  expect(assume(5_000, ['gone', 40], Number.POSITIVE_INFINITY)).toBe(40);
});
