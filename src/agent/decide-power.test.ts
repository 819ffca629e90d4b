import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decidePower, graceAfterBootMs, type PowerInput, warningMs } from './decide-power.ts';

const day = 86_400_000;
const time = fc.integer({ min: 0, max: 30 * day });
const span = fc.integer({ min: 1_000, max: 3 * day });

const inputs = fc.record({
  nowMs: time,
  bootedAtMs: time,
  agentStartedAtMs: time,
  seeingSinceMs: fc.constant(null),
  holdUntilMs: fc.constant(null),
  deadlineMs: fc.option(time),
  idleTimeoutMs: fc.option(span),
  signals: fc.array(
    fc.record({
      name: fc.constantFrom('sessions', 'calls', 'cpu'),
      lastAtMs: fc.option(time),
      nowBusy: fc.option(fc.constant('a command is running'), { freq: 3 }),
    }),
    { maxLength: 4 },
  ),
});

const quiet: PowerInput = {
  nowMs: 10 * day,
  bootedAtMs: 10 * day - 3_600_000,
  agentStartedAtMs: 10 * day - 3_600_000,
  seeingSinceMs: null,
  holdUntilMs: null,
  deadlineMs: null,
  idleTimeoutMs: null,
  signals: [],
};

describe('decidePower', () => {
  it('never acts without a deadline and a time-out', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(decidePower({ ...input, deadlineMs: null, idleTimeoutMs: null })).toMatchObject({
          act: 'none',
          next: null,
        });
      }),
    );
  });

  it('ends a busy machine at its deadline', () => {
    fc.assert(
      fc.property(inputs, time, (input, deadlineMs) => {
        const nowMs = Math.max(deadlineMs, input.bootedAtMs + graceAfterBootMs);
        expect(decidePower({ ...input, deadlineMs, nowMs }).act).toBe('power-off');
      }),
    );
  });

  it('never powers off for idleness while something is going on', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const signals = [...input.signals, { name: 'exec', lastAtMs: null, nowBusy: 'a command is running' }];
        const decision = decidePower({ ...input, deadlineMs: null, signals });
        expect(decision.act).toBe('none');
        expect(decision.keptOnBy).toContain('a command is running');
      }),
    );
  });

  it('never powers off sooner after the last sign of life than the time-out', () => {
    fc.assert(
      fc.property(inputs, span, (input, idleTimeoutMs) => {
        const decision = decidePower({ ...input, deadlineMs: null, idleTimeoutMs });
        const signs = input.signals.map((signal) => signal.lastAtMs ?? 0).filter((at) => at <= input.nowMs);
        const last = Math.max(input.bootedAtMs, ...signs);
        if (input.nowMs < last + idleTimeoutMs) expect(decision.act).not.toBe('power-off');
      }),
    );
  });

  it('powers off once the time-out has passed with no sign of life', () => {
    fc.assert(
      fc.property(inputs, span, (input, idleTimeoutMs) => {
        const signals = input.signals.map((signal) => ({ ...signal, nowBusy: null }));
        const past = [
          input.bootedAtMs,
          input.agentStartedAtMs,
          ...signals.map((signal) => signal.lastAtMs ?? 0),
        ];
        const nowMs = Math.max(...past) + idleTimeoutMs;
        expect(decidePower({ ...input, signals, idleTimeoutMs, nowMs }).act).toBe('power-off');
      }),
    );
  });

  it('is not kept on by a time in the future, at whichever moment it looks', () => {
    const signals = [{ name: 'sessions', lastAtMs: quiet.nowMs + 365 * day, nowBusy: null }];
    const input = { ...quiet, idleTimeoutMs: 2 * day, signals };
    for (let nowMs = quiet.nowMs; nowMs < quiet.bootedAtMs + 2 * day; nowMs += day / 4) {
      const { idlePowerOffAtMs, lastActiveSignal } = decidePower({ ...input, nowMs });
      expect(idlePowerOffAtMs).toBe(quiet.bootedAtMs + 2 * day);
      expect(lastActiveSignal).toBe('boot');
    }
    expect(decidePower({ ...input, nowMs: quiet.bootedAtMs + 2 * day }).act).toBe('power-off');
  });

  it('warns before it acts, and says the same end while it warns', () => {
    fc.assert(
      fc.property(inputs, span, (input, idleTimeoutMs) => {
        const signals = input.signals.map((signal) => ({ ...signal, nowBusy: null }));
        const planned = decidePower({ ...input, signals, idleTimeoutMs, nowMs: 40 * day }).next;
        if (planned === null) throw new Error('there must be a plan');
        const decision = decidePower({ ...input, signals, idleTimeoutMs, nowMs: planned.atMs - 1 });
        expect(decision.act === 'warn' || decision.next?.atMs !== planned.atMs).toBe(true);
      }),
    );
  });

  it('gives a machine that is switched on after its deadline a moment', () => {
    const input = { ...quiet, deadlineMs: 1, bootedAtMs: quiet.nowMs - 1_000 };
    expect(decidePower(input)).toMatchObject({
      act: 'warn',
      deadlinePowerOffAtMs: input.bootedAtMs + graceAfterBootMs,
    });
  });

  it('says what comes next and why', () => {
    expect(decidePower({ ...quiet, deadlineMs: quiet.nowMs + day }).next).toEqual({
      what: 'warning',
      atMs: quiet.nowMs + day - warningMs,
      why: 'the lease is over',
    });
    const idle = decidePower({ ...quiet, idleTimeoutMs: 7_200_000 });
    expect(idle.next).toMatchObject({ what: 'warning', why: 'nobody has used the machine' });
    expect(idle.lastActiveSignal).toBe('boot');
  });

  it('is held until the moment that was asked for, and never past the deadline', () => {
    fc.assert(
      fc.property(inputs, span, time, time, (input, idleTimeoutMs, holdUntilMs, deadlineMs) => {
        const held = { ...input, idleTimeoutMs, holdUntilMs };
        const before = { ...held, deadlineMs: null, nowMs: holdUntilMs - 1 };
        expect(decidePower(before).act).not.toBe('power-off');
        const nowMs = Math.max(deadlineMs, input.bootedAtMs + graceAfterBootMs);
        expect(decidePower({ ...held, deadlineMs, nowMs }).act).toBe('power-off');
      }),
    );
  });

  it('is not put off by a hold that ended before the time-out does', () => {
    const input = { ...quiet, idleTimeoutMs: 2 * day };
    expect(decidePower({ ...input, holdUntilMs: quiet.nowMs + day }).idlePowerOffAtMs).toBe(
      decidePower(input).idlePowerOffAtMs,
    );
  });

  it('leaves the time of a warning to see what goes on after it could not look', () => {
    const input = { ...quiet, bootedAtMs: 0, agentStartedAtMs: 0, idleTimeoutMs: day };
    expect(decidePower(input).act).toBe('power-off');
    expect(decidePower({ ...input, seeingSinceMs: quiet.nowMs }).act).toBe('warn');
    expect(decidePower({ ...input, seeingSinceMs: quiet.nowMs - warningMs }).act).toBe('power-off');
  });
});
