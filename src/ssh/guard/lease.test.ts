import { describe, expect, it } from 'vitest';
import { startLease } from './lease.ts';

function clocksAt(start: number) {
  const clocks = { wall: start, monotonic: 0 };
  return {
    ...{ wallMs: () => clocks.wall, monotonicMs: () => clocks.monotonic },
    pass: (ms: number) => {
      clocks.wall += ms;
      clocks.monotonic += ms;
    },
    setWall: (ms: number) => {
      clocks.wall = ms;
    },
    sleepWithout: (ms: number) => {
      clocks.wall += ms;
    },
  };
}

describe('a lease', () => {
  it('ends when its time has passed, to the millisecond', () => {
    const clocks = clocksAt(1_000_000);
    const lease = startLease(500, clocks);
    clocks.pass(499);
    expect(lease.state()).toBe('running');
    clocks.pass(1);
    expect(lease.state()).toBe('over');
    expect(lease.endsAt.getTime()).toBe(1_000_500);
  });

  it('is not made longer by a clock that is set back', () => {
    const clocks = clocksAt(1_000_000);
    const lease = startLease(500, clocks);
    clocks.setWall(0);
    clocks.pass(500);
    expect(lease.state()).toBe('over');
  });

  it('counts the time that the computer slept', () => {
    const clocks = clocksAt(1_000_000);
    const lease = startLease(500, clocks);
    clocks.sleepWithout(500);
    expect(lease.state()).toBe('over');
  });

  it('stays revoked', () => {
    const clocks = clocksAt(1_000_000);
    const lease = startLease(500, clocks);
    lease.revoke();
    expect(lease.state()).toBe('revoked');
    clocks.pass(1_000);
    expect(lease.state()).toBe('revoked');
  });
});
