import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentConfig } from '../domain/agent-config.ts';
import { tickMs } from './lifecycle.ts';
import { bootSeconds, groups, makeMachineFolder, minuteMs, VirtualMachine } from './virtual-machine.ts';

let folder: string;
beforeEach(() => {
  folder = makeMachineFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const halfAnHour = { idleTimeoutSeconds: 30 * 60 };
const createMachine = (config: Partial<AgentConfig> = halfAnHour, cores = 4) =>
  new VirtualMachine(folder, config, cores);

/** Minutes from the start to the power-off, where nothing shows use: one more look than is due. */
const usualEnd = 30.25;

describe('what counts as use', () => {
  it('is not an editor that keeps its half running, nor what the system does by itself', () => {
    const machine = createMachine();
    machine.addProcess(50, { cores: 0.1, command: '/home/dev/.vscode-server/bin/abc/node server-main.js' });
    machine.addProcess(51, { cores: 0.1, parentPid: 50, command: 'node tsserver.js' });
    machine.addProcess(60, { cores: 3, cgroup: groups.system, command: 'unattended-upgrade' });
    machine.addProcess(61, { cores: 0.01, command: 'tmux' });
    machine.addProcess(62, { cores: 0.05, cgroup: groups.container, command: 'postgres' });
    expect(machine.run(60, { bytesPerSecond: 5_000 })).toBeCloseTo(usualEnd, 5);
  });

  it.each([
    ['a program of the user', { command: 'node agent.js', cores: 0.05 }],
    ['a program in a container', { cgroup: groups.container, cores: 0.2 }],
    ['a service that somebody has added', { cgroup: groups.database, cores: 0.5 }],
    ['what an editor runs, when it is a lot', { command: '/home/dev/.cursor-server/x/node', cores: 0.6 }],
  ])('is %s', (_what, process) => {
    const machine = createMachine();
    machine.addProcess(50, process);
    expect(machine.run(120)).toBeNull();
    machine.endProcess(50);
    expect(machine.run(29)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it('is a build whose compilers come and go between two looks, in bursts', () => {
    const machine = createMachine();
    machine.addProcess(50, { command: 'make' });
    for (let burst = 0; burst < 5; burst++) {
      machine.addProcess(100 + burst, { parentPid: 50, command: 'cc1', cores: 1 });
      machine.pass(1_000);
      machine.endProcess(100 + burst);
      expect(machine.run(25)).toBeNull();
    }
    expect(machine.activity.answer(machine.lease.read().config, null).idle.lastActiveSignal).toBe(
      'processes',
    );
    expect(machine.run(6)).not.toBeNull();
  });

  it('is traffic beyond the noise, and not what stays below', () => {
    const machine = createMachine();
    expect(machine.run(120, { bytesPerSecond: 80_000 })).toBeNull();
    expect(machine.activity.decide(machine.lease.read().config).keptOnBy).toEqual([
      'the network is at work: 80 kB/s',
    ]);
    expect(machine.run(31, { bytesPerSecond: 40_000 })).not.toBeNull();
  });

  it('begins at the levels that the configuration has', () => {
    const idle = { cpuCores: 3, processCores: 2, containerCores: 2, networkBytesPerSecond: 1e6 };
    const machine = createMachine({ ...halfAnHour, idle });
    machine.addProcess(50, { cores: 1.5 });
    machine.addProcess(51, { cores: 1, cgroup: groups.container });
    expect(machine.run(60, { bytesPerSecond: 900_000 })).toBeCloseTo(usualEnd, 5);
  });
});

describe('an agent that is killed', () => {
  it.each([
    ['a call', (machine: VirtualMachine) => machine.activity.noteCall()],
    ['a person', (machine: VirtualMachine) => machine.activity.noteHeartbeat('editor', true)],
  ])('right after it has looked, and then heard of %s, has left that to the next one', (_what, use) => {
    const machine = createMachine();
    machine.activity.noteCall();
    expect(machine.run(25)).toBeNull();
    use(machine);
    machine.startAgent();
    expect(machine.run(29)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it('loses five seconds at most of calls that come all the time, and does not write down each', () => {
    const machine = createMachine();
    const lastCall = () => machine.activity.answer(machine.lease.read().config, null).idle.lastActiveAt;
    const seen: string[] = [];
    for (let second = 0; second < 12; second++) {
      machine.activity.noteCall();
      seen.push(readFileSync(join(folder, 'seen.json'), 'utf8'));
      machine.pass(1_000);
    }
    expect(new Set(seen).size).toBe(3);
    machine.startAgent();
    expect(machine.now - Date.parse(lastCall())).toBeLessThanOrEqual(6_000);
  });
});

describe('a hold', () => {
  const keepFor = (machine: VirtualMachine, minutes: number) =>
    machine.activity.hold({ untilMs: machine.now + minutes * minuteMs, reason: 'a long night' });

  it('postpones the end of use, over restarts of the agent and jumps of the clock, and no longer', () => {
    const machine = createMachine();
    keepFor(machine, 300);
    for (let hour = 0; hour < 4; hour++) {
      expect(machine.run(60)).toBeNull();
      machine.jump(hour % 2 === 0 ? 10_000 : -10_000);
      machine.startAgent();
    }
    expect(machine.run(59)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
    expect(machine.warnings.map(({ atMinute }) => Math.round(atMinute))).toEqual([295]);
  });

  it('moves no deadline', () => {
    const machine = createMachine({ ...halfAnHour, deadline: bootSeconds + 60 * 60 });
    keepFor(machine, 300);
    expect(machine.run(120)).toBeCloseTo(60.25, 5);
    const { hold } = machine.activity.answer(machine.lease.read().config, null);
    expect(hold?.until).toBe(new Date((bootSeconds + 60 * 60) * 1_000).toISOString());
  });

  it('ends when it is taken back', () => {
    const machine = createMachine();
    keepFor(machine, 300);
    expect(machine.run(60)).toBeNull();
    machine.activity.hold(null);
    expect(machine.run(2)).not.toBeNull();
  });
});

describe('an agent that is started again and again', () => {
  it.each([4_000, 40_000])('every %i ms keeps no idle machine on', (everyMs) => {
    const machine = createMachine();
    while (machine.minute < 29.5) {
      machine.pass(everyMs);
      machine.startAgent();
      expect(machine.tick()).toBe(false);
    }
    let isOff = false;
    while (!isOff && machine.minute < 33) {
      machine.pass(everyMs);
      machine.startAgent();
      isOff = machine.tick();
    }
    expect(isOff).toBe(true);
    expect(machine.warnings).toHaveLength(1);
  });

  it.each([4_000, 40_000])('every %i ms ends no machine that is at work', (everyMs) => {
    const machine = createMachine();
    machine.addProcess(50, { cores: 0.2 });
    while (machine.minute < 60) {
      machine.pass(everyMs);
      machine.startAgent();
      expect(machine.tick()).toBe(false);
    }
  });

  it('knows of a call and of a key pressed before', () => {
    const machine = createMachine();
    machine.run(10);
    machine.activity.noteCall();
    machine.startAgent();
    machine.run(1);
    expect(machine.activity.answer(machine.lease.read().config, null).idle.lastActiveSignal).toBe('call');
    machine.type(new Date(machine.now));
    machine.run(1);
    machine.jump(-100_000);
    machine.startAgent();
    expect(machine.run(28)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it('takes over what it can read of an agent of another version', () => {
    const machine = createMachine();
    machine.activity.hold({ untilMs: machine.now + 60 * minuteMs, reason: 'a demo' });
    machine.run(20);
    const path = join(folder, 'seen.json');
    const seen = JSON.parse(readFileSync(path, 'utf8'));
    const { network: _left, ...others } = seen;
    writeFileSync(path, JSON.stringify({ ...others, work: { before: 'otherwise' }, new: 1 }));
    machine.startAgent();
    expect(machine.activity.problem).toBeNull();
    expect(machine.run(39)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it('begins anew, and says so, where what was seen is damaged', () => {
    const machine = createMachine();
    machine.run(20);
    writeFileSync(join(folder, 'seen.json'), '{"atMs":');
    machine.startAgent();
    expect(machine.activity.problem).toContain('is damaged');
    expect(machine.run(29)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });
});

describe('a suspend', () => {
  it('counts as time without use, but the machine has the time of a warning when it is back', () => {
    const machine = createMachine();
    machine.run(5);
    machine.pass(600 * minuteMs);
    expect(machine.run(4.5)).toBeNull();
    expect(machine.warnings).toHaveLength(1);
    expect(machine.run(1)).not.toBeNull();
  });

  it('ends nothing that goes on with its work', () => {
    const machine = createMachine();
    machine.run(5);
    machine.pass(600 * minuteMs);
    machine.addProcess(50, { cores: 1 });
    expect(machine.run(60)).toBeNull();
  });
});

describe('whatever happens to the clock and the agent', () => {
  const event = fc.oneof(
    fc.record({ what: fc.constant('run' as const), minutes: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ what: fc.constant('work' as const), minutes: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ what: fc.constant('jump' as const), minutes: fc.integer({ min: -2_000, max: 2_000 }) }),
    fc.record({ what: fc.constant('restart' as const), minutes: fc.constant(0) }),
    fc.record({ what: fc.constant('suspend' as const), minutes: fc.integer({ min: 2, max: 200 }) }),
  );

  it('no machine ends within its time-out of the last work, and each ends soon after it', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), (events) => {
        rmSync(folder, { recursive: true, force: true });
        const machine = createMachine();
        machine.addProcess(50, {});
        let lastWork = 0;
        for (const { what, minutes } of events) {
          if (what === 'jump') machine.jump(minutes);
          if (what === 'restart') machine.startAgent();
          if (what === 'suspend') machine.pass(minutes * minuteMs);
          if (what === 'work') machine.setCores(50, 1);
          const off = what === 'run' || what === 'work' ? machine.run(minutes) : null;
          if (what === 'work') {
            machine.setCores(50, 0);
            lastWork = machine.minute;
          }
          if (off === null) continue;
          expect(off - lastWork).toBeGreaterThanOrEqual(30 - tickMs / minuteMs);
          return;
        }
        // The time-out and what is left of it after a suspend, and two looks.
        expect(machine.run(31)).not.toBeNull();
      }),
      { numRuns: 20 },
    );
  });
});
