/** For tests: a machine of files, with a clock that the test moves, and the agent's own code for when it ends. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentConfig } from '../domain/agent-config.ts';
import { type Activity, createActivity } from './activity.ts';
import { createExecLog } from './exec-log.ts';
import { createExecutor } from './execute.ts';
import { createHistory } from './history.ts';
import { createLeaseFile, type LeaseFile } from './lease-file.ts';
import { createLifecycle, type Lifecycle, tickMs } from './lifecycle.ts';
import { type MachinePaths, machinePaths } from './machine-paths.ts';
import { createMetricsSource } from './metrics.ts';
import { createPower, type Power } from './power.ts';
import { createSeenFile } from './seen-file.ts';

export const bootSeconds = 1_800_000_000;
export const minuteMs = 60_000;

/** What the control group of a process says it is. */
export const groups = {
  user: '0::/user.slice/user-1000.slice/session-1.scope\n',
  system: '0::/system.slice/apt-daily-upgrade.service\n',
  container: `0::/system.slice/docker-${'a'.repeat(64)}.scope\n`,
  database: '0::/system.slice/postgresql.service\n',
} as const;

/** A folder for a machine; in memory where that can be had, because a life of it is many thousand files written. */
export function makeMachineFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'spuff-life-'));
}

interface VirtualProcess {
  parentPid: number;
  cgroup: string;
  command: string;
  startedAtTicks: number;
  ownTicks: number;
  childTicks: number;
  /** How many cores it uses from now on. */
  cores: number;
}

export class VirtualMachine {
  readonly paths: MachinePaths;
  readonly warnings: { atMinute: number; text: string }[] = [];
  activity!: Activity;
  lease!: LeaseFile;
  power!: Power;
  #lifecycle!: Lifecycle;
  readonly #folder: string;
  readonly #processes = new Map<number, VirtualProcess>();
  #nowMs = bootSeconds * 1_000;
  #passedMs = 0;
  #cpuMicros = 0;
  #networkBytes = 0;

  constructor(folder: string, config: Partial<AgentConfig>, cores = 1) {
    this.#folder = folder;
    this.paths = {
      ...machinePaths,
      proc: join(folder, 'proc'),
      dev: join(folder, 'dev'),
      cgroup: join(folder, 'cg'),
    };
    for (const path of [join(this.paths.proc, '1/net'), join(this.paths.dev, 'pts'), this.paths.cgroup])
      mkdirSync(path, { recursive: true });
    this.#cores = Array.from({ length: cores }, (_, index) => `cpu${index} 1 1 1 1\n`).join('');
    this.#setBoot(bootSeconds);
    this.write(config);
    this.addProcess(1, { cgroup: '0::/init.scope\n', parentPid: 0 });
    this.#writeCounters();
    this.startAgent();
  }

  readonly #cores: string;
  get now(): number {
    return this.#nowMs;
  }
  get minute(): number {
    return this.#passedMs / minuteMs;
  }
  get requestPath(): string {
    return join(this.#folder, 'power-off');
  }

  /** A new agent on the same machine, as after a crash: the one before it is not asked to write anything down. */
  startAgent(): void {
    const { paths } = this;
    const now = () => this.#nowMs;
    const monotonicMs = () => this.#passedMs;
    const place = (name: string) => join(this.#folder, name);
    const executor = createExecutor({
      socketPath: place('none.sock'),
      user: () => 'dev',
      log: createExecLog(place('exec.log')),
      now,
    });
    const seenFile = createSeenFile(place('seen.json'), monotonicMs);
    const pastSamples = createHistory(place('history'), monotonicMs);
    this.activity = createActivity({ paths, executor, seenFile, pastSamples, now, monotonicMs });
    const leasePaths = {
      ...{ config: place('agent.json'), boundTo: place('bound-to') },
      ...{ instanceId: place('instance-id'), copy: place('lease') },
    };
    this.lease = createLeaseFile(leasePaths, () => bootSeconds * 1_000);
    this.power = createPower({ request: this.requestPath, plan: place('shutdown.json') }, () => undefined);
    this.#lifecycle = createLifecycle({
      ...{ lease: this.lease, activity: this.activity, power: this.power, now, monotonicMs },
      metrics: createMetricsSource(paths, monotonicMs),
      warn: (text) => this.warnings.push({ atMinute: this.minute, text }),
      keepHint: 'Keep it: spuff keep demo',
    });
  }

  /** Writes the lease. */
  write(config: Partial<AgentConfig>): void {
    const whole = { user: 'dev', deadline: null, idleTimeoutSeconds: null, ...config };
    writeFileSync(join(this.#folder, 'agent.json'), JSON.stringify(whole));
  }

  #setBoot(seconds: number): void {
    const text = `cpu  1 1 1 1 1 1 1 1\n${this.#cores}btime ${seconds}\n`;
    writeFileSync(join(this.paths.proc, 'stat'), text);
  }

  addProcess(pid: number, change: Partial<VirtualProcess>): void {
    this.#processes.set(pid, {
      ...{ parentPid: 1, cgroup: groups.user, command: 'make', ownTicks: 0, childTicks: 0, cores: 0 },
      startedAtTicks: pid === 1 ? 0 : Math.round(this.#passedMs / 10),
      ...change,
    });
    mkdirSync(join(this.paths.proc, String(pid)), { recursive: true });
    this.#writeCounters();
  }

  /** Ends a process that its parent has waited for. */
  endProcess(pid: number): void {
    const ended = this.#processes.get(pid);
    const parent = this.#processes.get(ended?.parentPid ?? 0);
    if (ended && parent) parent.childTicks += ended.ownTicks + ended.childTicks;
    this.#processes.delete(pid);
    rmSync(join(this.paths.proc, String(pid)), { recursive: true, force: true });
  }

  setCores(pid: number, cores: number): void {
    const found = this.#processes.get(pid);
    if (found) found.cores = cores;
  }

  /** A terminal that somebody has opened, with the time of its last key; also sets it anew. */
  type(at: Date): void {
    const terminal = join(this.paths.dev, 'pts/0');
    mkdirSync(join(this.paths.proc, '42'), { recursive: true });
    const stat = `42 (bash) S 1 42 42 ${136 << 8} -1 ${'0 '.repeat(30)}`;
    writeFileSync(join(this.paths.proc, '42/stat'), stat);
    writeFileSync(terminal, '');
    utimesSync(terminal, at, at);
  }

  /** Sets the clock, which no time passes for. The kernel reckons the time of boot back from it. */
  jump(minutes: number): void {
    this.#nowMs += minutes * minuteMs;
    this.#setBoot((this.#nowMs - this.#passedMs) / 1_000);
  }

  /** Time passes for the machine while no agent looks: it was suspended, or the agent was stopped. */
  pass(ms: number, load: { bytesPerSecond?: number } = {}): void {
    this.#nowMs += ms;
    this.#passedMs += ms;
    this.#networkBytes += ((load.bytesPerSecond ?? 0) * ms) / 1_000;
    for (const one of this.#processes.values()) {
      one.ownTicks += Math.round((one.cores * ms) / 10);
      this.#cpuMicros += one.cores * ms * 1_000;
    }
    this.#writeCounters();
  }

  /** Lets time pass under the agent's eyes; gives the minute after boot at which the power-off was asked for, or null. */
  run(minutes: number, load: { bytesPerSecond?: number } = {}): number | null {
    for (const endMs = this.#passedMs + minutes * minuteMs; this.#passedMs < endMs; this.pass(tickMs, load))
      if (this.tick()) return this.minute;
    return null;
  }

  /** One look of the agent. @returns whether a power-off has been asked for */
  tick(): boolean {
    this.#lifecycle.tick();
    return existsSync(this.requestPath);
  }

  #writeCounters(): void {
    const { proc, cgroup } = this.paths;
    writeFileSync(join(cgroup, 'cpu.stat'), `usage_usec ${Math.round(this.#cpuMicros)}\n`);
    const eth0 = `  eth0: ${Math.round(this.#networkBytes)} 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0\n`;
    writeFileSync(
      join(proc, '1/net/dev'),
      `Inter-|\n face |\n    lo: 99 1 0 0 0 0 0 0 99 1 0 0 0 0 0 0\n${eth0}`,
    );
    for (const [pid, one] of this.#processes) {
      const times = `${one.ownTicks} 0 ${one.childTicks} 0 20 0 1 0 ${one.startedAtTicks}`;
      const stat = `${pid} (proc) S ${one.parentPid} ${pid} ${pid} 0 -1 0 0 0 0 0 ${times} 4096000 100 ${'0 '.repeat(20)}`;
      writeFileSync(join(proc, String(pid), 'stat'), stat);
      writeFileSync(join(proc, String(pid), 'cgroup'), one.cgroup);
      writeFileSync(join(proc, String(pid), 'cmdline'), one.command.replaceAll(' ', '\0'));
    }
  }
}
