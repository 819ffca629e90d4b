import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleVm } from '../../test/fakes/sample-vm.ts';
import { type JudgeClock, judgeMachine, offGraceMs, settlingMs } from './judge-machine.ts';
import type { Vm, VmState, WhyOff } from './provider.ts';

const hourMs = 3_600_000;
const nowMs = Date.UTC(2026, 10, 23, 12, 0, 0);
const sure: JudgeClock = { nowMs, slackMs: 0 };
const at = (fromNowMs: number) => new Date(nowMs + fromNowMs);

const states: readonly VmState[] = [
  'provisioning',
  'running',
  'stopping',
  'stopped',
  'deleting',
  'gone',
  'failed',
  'unknown',
];
const reasons: readonly (WhyOff | null)[] = ['guest', 'owner', 'unknown', null];

const dayMs = 24 * hourMs;
const moments = fc.integer({ min: -30 * dayMs, max: 30 * dayMs }).map(at);
const machines: fc.Arbitrary<Vm> = fc
  .record({
    state: fc.constantFrom(...states),
    createdAt: fc.integer({ min: -30 * dayMs, max: 0 }).map(at),
    expiresAt: fc.option(moments),
    stoppedAt: fc.option(moments),
    onIdle: fc.constantFrom('destroy' as const, 'snapshot' as const),
    isOurs: fc.boolean(),
  })
  .map(({ isOurs, ...change }) => sampleVm({ ...change, ...(isOurs ? {} : { key: null }) }));

describe('a machine that runs', () => {
  it.each<[string, Partial<Vm>, object]>([
    ['within its lease is kept', { expiresAt: at(1) }, { act: 'keep', why: 'leased', until: at(1) }],
    ['is over at its deadline', { expiresAt: at(0) }, { act: 'destroy', why: 'past-deadline' }],
    ['without a deadline is kept', { expiresAt: null }, { act: 'keep', why: 'no-deadline', until: null }],
    [
      'with a deadline before its beginning waits for a better one',
      { expiresAt: at(-hourMs), createdAt: at(-60_000) },
      { act: 'keep', why: 'being-made', until: at(settlingMs - 60_000) },
    ],
    [
      'with a short lease has no longer one for being young',
      { expiresAt: at(-1), createdAt: at(-60_000) },
      { act: 'destroy' },
    ],
    [
      'that is to be kept as a snapshot is taken first',
      { expiresAt: at(0), onIdle: 'snapshot' },
      { act: 'destroy', snapshotFirst: true },
    ],
  ])('%s', (_what, change, verdict) => {
    expect(judgeMachine(sampleVm(change), sure, null)).toMatchObject(verdict);
  });
});

describe('a machine that is off', () => {
  const off = (change: Partial<Vm> = {}) => sampleVm({ state: 'stopped', expiresAt: at(hourMs), ...change });

  it('is asked about, unless its time is over anyway', () => {
    expect(judgeMachine(off(), sure, null)).toEqual({ act: 'ask-why-off' });
    expect(judgeMachine(off({ expiresAt: at(0) }), sure, null)).toMatchObject({ why: 'past-deadline' });
  });

  it('goes when it switched itself off, and not for the first minutes', () => {
    expect(judgeMachine(off(), sure, 'guest')).toMatchObject({ act: 'destroy', why: 'off-by-itself' });
    const stopped = (agoMs: number) => judgeMachine(off({ stoppedAt: at(-agoMs) }), sure, 'guest');
    expect(stopped(offGraceMs - 1)).toMatchObject({ act: 'keep', why: 'just-off', until: at(1) });
    expect(stopped(offGraceMs)).toMatchObject({ act: 'destroy' });
  });

  it('stays until its deadline when its owner wanted that, or nobody knows', () => {
    expect(judgeMachine(off(), sure, 'owner')).toMatchObject({ why: 'off-by-owner', until: at(hourMs) });
    expect(judgeMachine(off(), sure, 'unknown')).toMatchObject({ why: 'off-for-unknown-reason' });
  });
});

describe('whatever the machine', () => {
  const anything = fc.tuple(
    machines,
    fc.constantFrom(...reasons),
    fc.record({ nowMs: fc.constant(nowMs), slackMs: fc.integer({ min: 0, max: dayMs }) }),
  );
  const check = (property: (vm: Vm, whyOff: WhyOff | null, clock: JudgeClock) => void) =>
    fc.assert(
      fc.property(anything, ([vm, whyOff, clock]) => property(vm, whyOff, clock)),
      { numRuns: 2_000 },
    );

  it('what is not ours, not clear or ending already is never destroyed', () => {
    check((vm, whyOff, clock) => {
      fc.pre(vm.key === null || ['unknown', 'deleting', 'gone'].includes(vm.state));
      expect(judgeMachine(vm, clock, whyOff).act).toBe('keep');
    });
  });

  it('nothing is destroyed before its deadline but what switched itself off', () => {
    check((vm, whyOff, clock) => {
      const verdict = judgeMachine(vm, clock, whyOff);
      if (verdict.act !== 'destroy') return;
      const isOver = vm.expiresAt !== null && nowMs >= vm.expiresAt.getTime();
      expect(isOver || (vm.state === 'stopped' && whyOff === 'guest')).toBe(true);
      expect(verdict.why).toBe(isOver && verdict.why === 'past-deadline' ? 'past-deadline' : 'off-by-itself');
    });
  });

  it('a clock that may be wrong by so much destroys nothing that a right one would keep', () => {
    check((vm, whyOff, { slackMs }) => {
      fc.pre(vm.state !== 'stopped' && slackMs > 0);
      const wrong = fc.sample(fc.integer({ min: 0, max: slackMs }), 1)[0] ?? 0;
      const byWrong = judgeMachine(vm, { nowMs: nowMs + wrong, slackMs }, whyOff);
      if (byWrong.act === 'destroy' && vm.state !== 'provisioning')
        expect(vm.expiresAt !== null && vm.expiresAt.getTime() <= nowMs).toBe(true);
    });
  });

  it('one that runs, fails or is off past its deadline goes, at the latest when it has settled', () => {
    check((vm, whyOff) => {
      fc.pre(vm.key !== null && ['running', 'failed', 'stopping', 'stopped'].includes(vm.state));
      fc.pre(vm.expiresAt !== null && vm.expiresAt.getTime() <= nowMs);
      const later = { nowMs: nowMs + settlingMs, slackMs: 0 };
      expect(judgeMachine(vm, later, whyOff)).toMatchObject({ act: 'destroy', why: 'past-deadline' });
    });
  });

  it('a later moment never keeps what an earlier one destroys', () => {
    check((vm, whyOff, clock) => {
      fc.pre(judgeMachine(vm, clock, whyOff).act === 'destroy');
      expect(judgeMachine(vm, { ...clock, nowMs: nowMs + hourMs }, whyOff).act).toBe('destroy');
    });
  });
});
