import type { AgentResponse } from '../protocol/response-schemas.ts';
import { type Client, createClientList } from './client-list.ts';
import { decidePower, type PowerDecision, type Signal } from './decide-power.ts';
import type { Executor } from './execute.ts';
import type { AgentConfig } from './lease-file.ts';
import { readBootMs } from './machine-boot.ts';
import type { MachinePaths } from './machine-paths.ts';
import type { PlannedShutdown } from './power.ts';
import type { CpuWatch } from './watch-cpu.ts';
import { createSessionWatch, type SessionWatch } from './watch-sessions.ts';

/** A client that said it is there this recently still is: clients say so once a minute. */
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

export interface ActivitySources {
  paths: MachinePaths;
  executor: Executor;
  cpu: CpuWatch;
  /** Unix time in ms. */
  now: () => number;
}

/** Everything that a decision looks at. */
interface Seen {
  executor: Executor;
  cpu: CpuWatch;
  sessions: SessionWatch;
  lastCallAtMs: number | null;
  lastInteractiveAtMs: number | null;
  nowMs: number;
}

export function createActivity({ paths, executor, cpu, now }: ActivitySources): Activity {
  const agentStartedAtMs = now();
  const clients = createClientList();
  const sessions = createSessionWatch(paths);
  let lastCallAtMs: number | null = null;
  const look = (): Seen => {
    const { lastInteractiveAtMs } = clients;
    return { executor, cpu, sessions, lastCallAtMs, lastInteractiveAtMs, nowMs: now() };
  };
  const decide = (config: AgentConfig, seen = look()) =>
    decidePower({
      nowMs: seen.nowMs,
      bootedAtMs: readBootMs(paths) ?? agentStartedAtMs,
      agentStartedAtMs,
      deadlineMs: secondsToMs(config.deadline),
      idleTimeoutMs: secondsToMs(config.idleTimeoutSeconds),
      signals: readSignals(seen),
    });
  return {
    noteCall() {
      lastCallAtMs = now();
    },
    noteHeartbeat: (client, interactive) => clients.note(client, interactive, now()),
    observe() {
      cpu.sample(now());
      sessions.sample(now());
    },
    decide: (config) => decide(config),
    answer(config, planned) {
      const seen = look();
      const decision = decide(config, seen);
      return {
        sampledAt: new Date(seen.nowMs).toISOString(),
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

function readSignals({ executor, cpu, sessions, lastCallAtMs, lastInteractiveAtMs, nowMs }: Seen): Signal[] {
  const running = executor.running.size;
  const isBusy = cpu.usedCores !== null && cpu.usedCores >= cpu.busyFromCores;
  const isThere = lastInteractiveAtMs !== null && nowMs - lastInteractiveAtMs < heartbeatValidMs;
  const terminalAtMs = Math.max(sessions.lastInputAtMs ?? 0, sessions.lastChangeAtMs ?? 0);
  const signal = (name: string, lastAtMs: number | null, nowBusy: string | false) => ({
    name,
    lastAtMs,
    nowBusy: nowBusy === false ? null : nowBusy,
  });
  return [
    signal('terminal', terminalAtMs === 0 ? null : terminalAtMs, false),
    signal('call', lastCallAtMs, false),
    signal('heartbeat', lastInteractiveAtMs, isThere && 'a spuff session is open'),
    signal('exec', executor.lastAtMs, running > 0 && `commands of /exec are running: ${running}`),
    signal('cpu', cpu.lastBusyAtMs, isBusy && `the CPU is at work: ${cpu.usedCores?.toFixed(1)} cores`),
  ];
}

function describeSignals({
  executor,
  cpu,
  sessions,
  lastCallAtMs,
  lastInteractiveAtMs,
}: Seen): AgentResponse<'activity'>['signals'] {
  return {
    sessions: {
      count: sessions.open.length,
      lastInputAt: toTime(sessions.lastInputAtMs),
      lastChangeAt: toTime(sessions.lastChangeAtMs),
      items: sessions.open.map(({ user, terminal, startedAtMs, lastInputAtMs }) => ({
        user,
        terminal,
        startedAt: toTime(startedAtMs),
        lastInputAt: toTime(lastInputAtMs),
      })),
    },
    calls: { lastAt: toTime(lastCallAtMs) },
    heartbeats: { lastInteractiveAt: toTime(lastInteractiveAtMs) },
    exec: { running: executor.running.size, lastAt: toTime(executor.lastAtMs) },
    cpu: {
      usedCores: cpu.usedCores === null ? null : Math.round(cpu.usedCores * 1e3) / 1e3,
      busyFromCores: cpu.busyFromCores,
      lastBusyAt: toTime(cpu.lastBusyAtMs),
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
      lastActiveAt: new Date(decision.lastActiveAtMs).toISOString(),
      lastActiveSignal: decision.lastActiveSignal,
      powerOffAt: toTime(decision.idlePowerOffAtMs),
      keptOnBy: decision.keptOnBy,
    },
    lease: {
      deadline: toTime(secondsToMs(config.deadline)),
      powerOffAt: toTime(decision.deadlinePowerOffAtMs),
    },
  };
}

function describeNext(
  decision: PowerDecision,
  planned: PlannedShutdown | null,
): AgentResponse<'activity'>['next'] {
  if (planned && (!decision.next || planned.atMs <= decision.next.atMs)) {
    return { what: 'power-off', at: new Date(planned.atMs).toISOString(), why: planned.reason };
  }
  if (!decision.next) return null;
  const { what, atMs, why } = decision.next;
  return { what, at: new Date(atMs).toISOString(), why };
}

function secondsToMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1_000;
}

function toTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
