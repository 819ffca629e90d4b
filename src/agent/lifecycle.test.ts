import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentConfig } from '../domain/agent-config.ts';
import { bootSeconds, groups, makeMachineFolder, VirtualMachine } from './virtual-machine.ts';

let folder: string;
beforeEach(() => {
  folder = makeMachineFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const createMachine = (config: Partial<AgentConfig>, cores = 1) => new VirtualMachine(folder, config, cores);

describe('the end of a machine', () => {
  it('comes at the deadline, after one warning, however busy it is', () => {
    const machine = createMachine({ deadline: bootSeconds + 60 * 60 });
    machine.addProcess(50, { cores: 8 });
    expect(machine.run(120)).toBeCloseTo(60.25, 5);
    expect(machine.warnings).toEqual([
      { atMinute: 55, text: 'this machine powers off in 5 minutes: the lease is over.' },
    ]);
    expect(readFileSync(join(folder, 'power-off'), 'utf8')).toBe('the lease is over\n');
  });

  it('comes when nobody is there for long enough', () => {
    const machine = createMachine({ idleTimeoutSeconds: 30 * 60 });
    expect(machine.run(20)).toBeNull();
    machine.activity.noteCall();
    expect(machine.run(29)).toBeNull();
    expect(machine.run(5)).toBeCloseTo(50.25, 5);
  });

  it('does not come while the CPU is at work, or an interactive client is there', () => {
    const machine = createMachine({ idleTimeoutSeconds: 10 * 60 });
    machine.addProcess(50, { cores: 0.5 });
    expect(machine.run(60)).toBeNull();
    machine.endProcess(50);
    for (let minute = 0; minute < 60; minute++) {
      machine.activity.noteHeartbeat('spuff/test', true);
      expect(machine.run(1)).toBeNull();
    }
    for (let minute = 0; minute < 5; minute++) {
      machine.activity.noteHeartbeat('watch', false);
      expect(machine.run(1)).toBeNull();
    }
    expect(machine.run(20)).not.toBeNull();
  });

  it('moves when the lease is changed, at once', () => {
    const machine = createMachine({ deadline: bootSeconds + 60 * 60 });
    expect(machine.run(58)).toBeNull();
    machine.write({ deadline: bootSeconds + 90 * 60 });
    expect(machine.run(31)).toBeNull();
    expect(machine.run(5)).not.toBeNull();
    expect(machine.warnings.map(({ atMinute }) => atMinute)).toEqual([55, 85]);
  });

  it('does not come for a clock that jumps for a moment', () => {
    const machine = createMachine({ deadline: bootSeconds + 60 * 60 });
    machine.run(1);
    machine.jump(10_000);
    expect(machine.run(0.25)).toBeNull();
    machine.jump(-10_000);
    expect(machine.run(50)).toBeNull();
  });

  it.each([
    ['ahead', 365 * 24 * 60],
    ['behind', -365 * 24 * 60],
  ])('comes when nobody is there, though the clock was %s at the last sign of life', (_how, minutes) => {
    const machine = createMachine({ idleTimeoutSeconds: 30 * 60 });
    machine.run(10);
    machine.jump(minutes);
    machine.activity.noteCall();
    machine.activity.noteHeartbeat('spuff/test', true);
    machine.run(1);
    machine.jump(-minutes);
    expect(machine.run(28)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it.each([
    ['forward', 365 * 24 * 60],
    ['back', -365 * 24 * 60],
  ])('is neither sooner nor later for a clock that is set %s for good', (_how, minutes) => {
    const machine = createMachine({ idleTimeoutSeconds: 30 * 60 });
    machine.run(20);
    machine.activity.noteCall();
    machine.run(1);
    machine.jump(minutes);
    expect(machine.run(28)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it('comes though a terminal was last used in the future, and not while somebody types there', () => {
    const machine = createMachine({ idleTimeoutSeconds: 30 * 60 });
    machine.run(20);
    machine.type(new Date('2099-01-01T00:00:00Z'));
    expect(machine.run(29)).toBeNull();
    expect(machine.activity.answer(machine.lease.read().config, null).signals.sessions.items).toHaveLength(1);
    for (let minute = 0; minute < 40; minute++) {
      machine.type(new Date(machine.now));
      expect(machine.run(1)).toBeNull();
    }
    machine.type(new Date('2098-01-01T00:00:00Z'));
    expect(machine.run(29)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it('does not come while one thread is at work, on however many cores', () => {
    const machine = createMachine({ idleTimeoutSeconds: 10 * 60 }, 64);
    machine.addProcess(50, { cores: 1, cgroup: groups.database });
    expect(machine.run(60)).toBeNull();
    machine.setCores(50, 0.1);
    expect(machine.run(60)).not.toBeNull();
  });

  it('is not put off by a power-off that was planned for later', () => {
    const machine = createMachine({ deadline: bootSeconds + 10 * 60 });
    machine.power.plan({ atMs: (bootSeconds + 60 * 60) * 1_000, reason: 'later' });
    expect(machine.run(60)).toBeCloseTo(10.25, 5);
  });

  it('is asked for again when it had no effect', () => {
    const machine = createMachine({ deadline: bootSeconds + 10 * 60 });
    expect(machine.run(60)).not.toBeNull();
    rmSync(machine.requestPath);
    expect(machine.run(2)).not.toBeNull();
    expect(machine.power.problem).toContain('still on');
  });
});
