import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createActivity } from './activity.ts';
import { createExecLog } from './exec-log.ts';
import { createExecutor } from './execute.ts';
import { createLeaseFile } from './lease-file.ts';
import { createLifecycle, tickMs } from './lifecycle.ts';
import { type MachinePaths, machinePaths } from './machine-paths.ts';
import { createMetricsSource } from './metrics.ts';
import { createPower } from './power.ts';
import { createCpuWatch } from './watch-cpu.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-life-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bootSeconds = 1_800_000_000;
const minuteMs = 60_000;

const startLease = () =>
  createLeaseFile(
    {
      config: join(folder, 'agent.json'),
      boundTo: join(folder, 'bound-to'),
      instanceId: join(folder, 'instance-id'),
      copy: join(folder, 'lease'),
    },
    () => bootSeconds * 1_000,
  );

const startPower = () =>
  createPower({ request: join(folder, 'power-off'), plan: join(folder, 'shutdown.json') }, () => undefined);

/** A machine of files: process 1, no terminals, and a clock that the test moves. */
function createMachine(
  config: { deadline?: number | null; idleTimeoutSeconds?: number | null },
  cores = 'cpu0 1 1 1 1\n',
) {
  const paths: MachinePaths = {
    ...machinePaths,
    proc: join(folder, 'proc'),
    dev: join(folder, 'dev'),
    cgroup: join(folder, 'cg'),
  };
  for (const path of [join(paths.proc, '1'), paths.dev, paths.cgroup]) mkdirSync(path, { recursive: true });
  const setBoot = (seconds: number) =>
    writeFileSync(join(paths.proc, 'stat'), `cpu  1 1 1 1 1 1 1 1\n${cores}btime ${seconds}\n`);
  setBoot(bootSeconds);
  writeFileSync(join(paths.proc, '1', 'stat'), `1 (systemd) S 0 1 1 0 -1 ${'0 '.repeat(30)}`);
  const write = (value: object) => writeFileSync(join(folder, 'agent.json'), JSON.stringify(value));
  write({ user: 'dev', deadline: null, idleTimeoutSeconds: null, ...config });
  let nowMs = bootSeconds * 1_000;
  let passedMs = 0;
  let cpuMicros = 0;
  const now = () => nowMs;
  const monotonicMs = () => passedMs;
  const setCpu = () => writeFileSync(join(paths.cgroup, 'cpu.stat'), `usage_usec ${Math.round(cpuMicros)}\n`);
  setCpu();
  const executor = createExecutor({
    socketPath: join(folder, 'none.sock'),
    user: () => 'dev',
    log: createExecLog(join(folder, 'exec.log')),
    now,
  });
  const cpu = createCpuWatch(paths, monotonicMs);
  const activity = createActivity({ paths, executor, cpu, now, monotonicMs });
  const lease = startLease();
  const power = startPower();
  const warnings: { atMinute: number; text: string }[] = [];
  const warn = (text: string) => warnings.push({ atMinute: (nowMs - bootSeconds * 1_000) / minuteMs, text });
  const lifecycle = createLifecycle({
    lease,
    activity,
    metrics: createMetricsSource(paths, monotonicMs),
    power,
    now,
    warn,
  });
  return {
    activity,
    lease,
    power,
    warnings,
    write,
    setBoot,
    /** Lets time pass; gives the minute after boot at which the power-off was asked for, or null. */
    run(minutes: number, busyCores = 0): number | null {
      for (const endMs = nowMs + minutes * minuteMs; nowMs < endMs; nowMs += tickMs, passedMs += tickMs) {
        cpuMicros += busyCores * tickMs * 1_000;
        setCpu();
        lifecycle.tick();
        if (existsSync(join(folder, 'power-off'))) return (nowMs - bootSeconds * 1_000) / minuteMs;
      }
      return null;
    },
    /** Sets the clock, which no time passes for. */
    jump: (minutes: number) => {
      nowMs += minutes * minuteMs;
    },
    /** A terminal that somebody has opened, with the time of its last key; also sets it anew. */
    type: (at: Date) => {
      const terminal = join(paths.dev, 'pts', '0');
      mkdirSync(join(paths.dev, 'pts'), { recursive: true });
      mkdirSync(join(paths.proc, '42'), { recursive: true });
      writeFileSync(join(paths.proc, '42', 'stat'), `42 (bash) S 1 42 42 ${136 << 8} -1 ${'0 '.repeat(30)}`);
      writeFileSync(terminal, '');
      utimesSync(terminal, at, at);
    },
    now,
  };
}

describe('the end of a machine', () => {
  it('comes at the deadline, after one warning, however busy it is', () => {
    const machine = createMachine({ deadline: bootSeconds + 60 * 60 });
    expect(machine.run(120, 8)).toBeCloseTo(60.25, 5);
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
    expect(machine.run(60, 0.5)).toBeNull();
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
    machine.write({ user: 'dev', deadline: bootSeconds + 90 * 60, idleTimeoutSeconds: null });
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
    // The kernel's time of boot is reckoned back from the clock, so it is set with it.
    machine.setBoot(bootSeconds + minutes * 60);
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
      machine.type(new Date(machine.now()));
      expect(machine.run(1)).toBeNull();
    }
    machine.type(new Date('2098-01-01T00:00:00Z'));
    expect(machine.run(29)).toBeNull();
    expect(machine.run(3)).not.toBeNull();
  });

  it('does not come while one thread is at work, on however many cores', () => {
    const cores = Array.from({ length: 64 }, (_, index) => `cpu${index} 1 1 1 1\n`).join('');
    const machine = createMachine({ idleTimeoutSeconds: 10 * 60 }, cores);
    expect(machine.run(60, 1)).toBeNull();
    expect(machine.run(60, 0.1)).not.toBeNull();
  });

  it('is not put off by a power-off that was planned for later', () => {
    const machine = createMachine({ deadline: bootSeconds + 10 * 60 });
    machine.power.plan({ atMs: (bootSeconds + 60 * 60) * 1_000, reason: 'later' });
    expect(machine.run(60)).toBeCloseTo(10.25, 5);
  });

  it('is asked for again when it had no effect', () => {
    const machine = createMachine({ deadline: bootSeconds + 10 * 60 });
    expect(machine.run(60)).not.toBeNull();
    rmSync(join(folder, 'power-off'));
    expect(machine.run(1)).not.toBeNull();
    expect(machine.power.problem).toContain('still on');
  });
});
