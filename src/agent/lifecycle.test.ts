import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** A machine of files: process 1, no terminals, and a clock that the test moves. */
function createMachine(config: { deadline?: number | null; idleTimeoutSeconds?: number | null }) {
  const paths: MachinePaths = {
    ...machinePaths,
    proc: join(folder, 'proc'),
    dev: join(folder, 'dev'),
    cgroup: join(folder, 'cg'),
  };
  for (const path of [join(paths.proc, '1'), paths.dev, paths.cgroup]) mkdirSync(path, { recursive: true });
  writeFileSync(join(paths.proc, 'stat'), `cpu  1 1 1 1 1 1 1 1\ncpu0 1 1 1 1\nbtime ${bootSeconds}\n`);
  writeFileSync(join(paths.proc, '1', 'stat'), `1 (systemd) S 0 1 1 0 -1 ${'0 '.repeat(30)}`);
  const write = (value: object) => writeFileSync(join(folder, 'agent.json'), JSON.stringify(value));
  write({ user: 'dev', deadline: null, idleTimeoutSeconds: null, ...config });
  let nowMs = bootSeconds * 1_000;
  let cpuMicros = 0;
  const now = () => nowMs;
  const setCpu = () => writeFileSync(join(paths.cgroup, 'cpu.stat'), `usage_usec ${Math.round(cpuMicros)}\n`);
  setCpu();
  const executor = createExecutor({
    socketPath: join(folder, 'none.sock'),
    user: () => 'dev',
    log: createExecLog(join(folder, 'exec.log')),
    now,
  });
  const activity = createActivity({ paths, executor, cpu: createCpuWatch(paths, now), now });
  const lease = createLeaseFile({
    config: join(folder, 'agent.json'),
    boundTo: join(folder, 'bound-to'),
    instanceId: join(folder, 'instance-id'),
  });
  const power = createPower(join(folder, 'power-off'), () => undefined);
  const warnings: { atMinute: number; text: string }[] = [];
  const warn = (text: string) => warnings.push({ atMinute: (nowMs - bootSeconds * 1_000) / minuteMs, text });
  const lifecycle = createLifecycle({
    lease,
    activity,
    metrics: createMetricsSource(paths, now),
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
    /** Lets time pass; gives the minute after boot at which the power-off was asked for, or null. */
    run(minutes: number, busyCores = 0): number | null {
      for (const endMs = nowMs + minutes * minuteMs; nowMs < endMs; nowMs += tickMs) {
        cpuMicros += busyCores * tickMs * 1_000;
        setCpu();
        lifecycle.tick();
        if (existsSync(join(folder, 'power-off'))) return (nowMs - bootSeconds * 1_000) / minuteMs;
      }
      return null;
    },
    jump: (minutes: number) => {
      nowMs += minutes * minuteMs;
    },
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

describe('the lease file', () => {
  it('keeps the last lease when the file is damaged, and says so', () => {
    const machine = createMachine({ deadline: bootSeconds + 600 });
    expect(machine.lease.read().problem).toBeNull();
    for (const text of [
      '{"user":"dev","dead',
      '[]',
      '{"user":"dev","deadline":"soon","idleTimeoutSeconds":null}',
      'null',
    ]) {
      writeFileSync(join(folder, 'agent.json'), text);
      const { config, problem } = machine.lease.read();
      expect(config.deadline).toBe(bootSeconds + 600);
      expect(problem).toContain("can't be read");
    }
  });

  it('does not take the lease of the machine that this one was cloned from', () => {
    writeFileSync(join(folder, 'bound-to'), 'first\n');
    writeFileSync(join(folder, 'instance-id'), 'first\n');
    const machine = createMachine({ deadline: 1 });
    expect(machine.lease.read().config.deadline).toBe(1);
    writeFileSync(join(folder, 'instance-id'), 'the second\n');
    expect(machine.lease.read()).toMatchObject({
      config: { user: 'dev', deadline: null, idleTimeoutSeconds: null },
    });
    expect(machine.lease.read().problem).toContain('cloned');
    expect(machine.run(30)).toBeNull();
  });
});
