import type { AgentConfig } from '../domain/agent-config.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import { type Client, createClientList } from './client-list.ts';
import { decidePower, type PowerDecision, type Signal } from './decide-power.ts';
import type { Executor } from './execute.ts';
import { readBootMs } from './machine-boot.ts';
import type { MachinePaths } from './machine-paths.ts';
import type { PlannedShutdown } from './power.ts';
import type { CpuWatch } from './watch-cpu.ts';
import { createSessionWatch, type SessionWatch } from './watch-sessions.ts';
import { type Clocks, createStampWatch } from './watch-stamp.ts';

/** A client that said it is there this recently still is. One that wants to be counted says so more often. */
const heartbeatValidMs = 3 * 60_000;

export interface Activity {
  /** A call that shows that someone is there. */
  noteCall(): void;
  noteHeartbeat(client: string, interactive: boolean): void;
  /** Looks at terminals and CPU. */
  observe(): void;
  decide(config: AgentConfig): PowerDecision;
  /** What was last observed, and what follows from it. */
  answer(config: AgentConfig, planned: PlannedShutdown | null): AgentResponse<'activity'>;
  readonly clients: readonly Client[];
}

export interface ActivitySources extends Clocks {
  paths: MachinePaths;
  executor: Executor;
  cpu: CpuWatch;
}

/** Everything that a decision looks at. The times of signals are on the monotonic clock. */
interface Seen {
  executor: Executor;
  cpu: CpuWatch;
  sessions: SessionWatch;
  lastCallAtMs: number | null;
  lastInteractiveAtMs: number | null;
  lastExecAtMs: number | null;
  nowMs: number;
  monotonicMs: number;
}

/**
 * Collects the signs of life. They are kept on the monotonic clock, and only the time since them is set against the clock
 * that people set: so a clock that jumps, either way and by however much, neither keeps an idle machine on nor
 * switches one off that is in use.
 */
export function createActivity({ paths, executor, cpu, ...clocks }: ActivitySources): Activity {
  const { now, monotonicMs } = clocks;
  const agentStartedAtMs = monotonicMs();
  const clients = createClientList();
  const sessions = createSessionWatch(paths, clocks);
  const execs = createStampWatch(clocks);
  let lastCallAtMs: number | null = null;
  let lastInteractiveAtMs: number | null = null;
  const look = (): Seen => ({
    ...{ executor, cpu, sessions, lastCallAtMs, lastInteractiveAtMs },
    lastExecAtMs: execs.see(executor.lastAtMs),
    nowMs: now(),
    monotonicMs: monotonicMs(),
  });
  const decide = (config: AgentConfig, seen = look()) =>
    decidePower({
      nowMs: seen.nowMs,
      bootedAtMs: readBootMs(paths) ?? onClock(seen, agentStartedAtMs),
      agentStartedAtMs: onClock(seen, agentStartedAtMs),
      deadlineMs: secondsToMs(config.deadline),
      idleTimeoutMs: secondsToMs(config.idleTimeoutSeconds),
      signals: readSignals(seen),
    });
  return {
    noteCall() {
      lastCallAtMs = monotonicMs();
    },
    noteHeartbeat(client, interactive) {
      clients.note(client, interactive, now());
      if (interactive) lastInteractiveAtMs = monotonicMs();
    },
    observe() {
      cpu.sample();
      sessions.sample();
    },
    decide: (config) => decide(config),
    answer(config, planned) {
      const seen = look();
      const decision = decide(config, seen);
      return {
        sampledAt: toTime(seen.nowMs),
        signals: describeSignals(seen),
        ...describeEnds(config, decision),
        next: describeNext(decision, planned),
      };
    },
    get clients() {
      return clients.all;
    },
  };
}

/** The time of day of a moment on the monotonic clock, as the clock is set now. */
function onClock(seen: Seen, monotonicMs: number): number {
  return seen.nowMs - Math.max(0, Math.round(seen.monotonicMs - monotonicMs));
}

function readSignals(seen: Seen): Signal[] {
  const { executor, cpu, sessions } = seen;
  const running = executor.running.size;
  const isBusy = cpu.usedCores !== null && cpu.usedCores >= cpu.busyFromCores;
  const isThere =
    seen.lastInteractiveAtMs !== null && seen.monotonicMs - seen.lastInteractiveAtMs < heartbeatValidMs;
  const terminal = [sessions.lastInputAtMs, sessions.lastChangeAtMs].filter((atMs) => atMs !== null);
  const signal = (name: string, lastAtMs: number | null, nowBusy: string | false) => ({
    name,
    lastAtMs: lastAtMs === null ? null : onClock(seen, lastAtMs),
    nowBusy: nowBusy === false ? null : nowBusy,
  });
  return [
    signal('terminal', terminal.length === 0 ? null : Math.max(...terminal), false),
    signal('call', seen.lastCallAtMs, false),
    signal('heartbeat', seen.lastInteractiveAtMs, isThere && 'an interactive client is there'),
    signal('exec', seen.lastExecAtMs, running > 0 && `commands of /exec are running: ${running}`),
    signal('cpu', cpu.lastBusyAtMs, isBusy && `the CPU is at work: ${cpu.usedCores?.toFixed(1)} cores`),
  ];
}

function describeSignals(seen: Seen): AgentResponse<'activity'>['signals'] {
  const { executor, cpu, sessions } = seen;
  const time = (atMs: number | null) => (atMs === null ? null : toTime(onClock(seen, atMs)));
  return {
    sessions: {
      count: sessions.open.length,
      lastInputAt: time(sessions.lastInputAtMs),
      lastChangeAt: time(sessions.lastChangeAtMs),
      items: sessions.open.map(({ user, terminal, startedAtMs, lastInputAtMs }) => ({
        user,
        terminal,
        startedAt: startedAtMs === null ? null : toTime(startedAtMs),
        lastInputAt: time(lastInputAtMs),
      })),
    },
    calls: { lastAt: time(seen.lastCallAtMs) },
    heartbeats: { lastInteractiveAt: time(seen.lastInteractiveAtMs) },
    exec: { running: executor.running.size, lastAt: time(seen.lastExecAtMs) },
    cpu: {
      usedCores: cpu.usedCores === null ? null : Math.round(cpu.usedCores * 1e3) / 1e3,
      busyFromCores: cpu.busyFromCores,
      lastBusyAt: time(cpu.lastBusyAtMs),
    },
  };
}

function describeEnds(
  config: AgentConfig,
  decision: PowerDecision,
): Pick<AgentResponse<'activity'>, 'idle' | 'lease'> {
  return {
    idle: {
      timeoutSeconds: config.idleTimeoutSeconds,
      lastActiveAt: toTime(decision.lastActiveAtMs),
      lastActiveSignal: decision.lastActiveSignal,
      powerOffAt: toTimeOrNull(decision.idlePowerOffAtMs),
      keptOnBy: decision.keptOnBy,
    },
    lease: {
      deadline: toTimeOrNull(secondsToMs(config.deadline)),
      powerOffAt: toTimeOrNull(decision.deadlinePowerOffAtMs),
    },
  };
}

function describeNext(
  decision: PowerDecision,
  planned: PlannedShutdown | null,
): AgentResponse<'activity'>['next'] {
  if (planned && (!decision.next || planned.atMs <= decision.next.atMs)) {
    return { what: 'power-off', at: toTime(planned.atMs), why: planned.reason };
  }
  if (!decision.next) return null;
  const { what, atMs, why } = decision.next;
  return { what, at: toTime(atMs), why };
}

function secondsToMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1_000;
}

function toTime(ms: number): string {
  return new Date(ms).toISOString();
}

function toTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : toTime(ms);
}
