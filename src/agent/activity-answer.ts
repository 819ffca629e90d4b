import { type AgentConfig, defaultPreDownSeconds } from '../domain/agent-config.ts';
import { escapeText } from '../lib/escape.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import type { PowerDecision } from './decide-power.ts';
import type { Level } from './level.ts';
import type { PlannedShutdown } from './power.ts';
import { onClock, pastOnClock, type Seen } from './read-signals.ts';

type Answer = AgentResponse<'activity'>;

/** What was seen, and what follows from it. */
export function describeActivity(
  seen: Seen,
  decision: PowerDecision,
  { config, planned }: { config: AgentConfig; planned: PlannedShutdown | null },
): Answer {
  return {
    sampledAt: toTime(seen.nowMs),
    signals: describeSignals(seen),
    hold: describeHold(seen, config),
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
    next: describeNext(decision, planned),
    preDown: { limitSeconds: config.preDownSeconds ?? defaultPreDownSeconds },
  };
}

function describeSignals(seen: Seen): Answer['signals'] {
  const { executor, work, network, sessions } = seen;
  const time = (atMs: number | null) => (atMs === null ? null : toTime(pastOnClock(seen, atMs)));
  const cores = ({ value, busyFrom, lastBusyAtMs }: Level) => ({
    usedCores: value === null ? null : round(value),
    busyFromCores: round(busyFrom),
    lastBusyAt: time(lastBusyAtMs),
  });
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
    setup: { running: seen.isSettingUp, lastAt: time(seen.lastSetupAtMs) },
    cpu: {
      ...cores(work.levels.cpu),
      machineCores: work.machineCores === null ? null : round(work.machineCores),
    },
    processes: {
      ...cores(work.levels.processes),
      top: work.top.map(({ pid, name, cores: used }) => ({
        pid,
        name: escapeText(name, { singleLine: true }),
        usedCores: round(used),
      })),
    },
    containers: { ...cores(work.levels.containers), count: work.containerCount },
    network: {
      bytesPerSecond: network.level.value === null ? null : Math.round(network.level.value),
      busyFromBytesPerSecond: network.level.busyFrom,
      lastBusyAt: time(network.level.lastBusyAtMs),
    },
  };
}

function describeHold(seen: Seen, config: AgentConfig): Answer['hold'] {
  const { hold } = seen;
  if (hold === null || hold.untilMs <= seen.monotonicMs) return null;
  const untilMs = onClock(seen, hold.untilMs);
  const deadlineMs = secondsToMs(config.deadline);
  return {
    until: toTime(deadlineMs === null ? untilMs : Math.min(untilMs, deadlineMs)),
    since: toTime(pastOnClock(seen, hold.setAtMs)),
    reason: hold.reason,
  };
}

function describeNext(decision: PowerDecision, planned: PlannedShutdown | null): Answer['next'] {
  if (planned && (!decision.next || planned.atMs <= decision.next.atMs)) {
    return { what: 'power-off', at: toTime(planned.atMs), why: planned.reason };
  }
  if (!decision.next) return null;
  const { what, atMs, why } = decision.next;
  return { what, at: toTime(atMs), why };
}

function round(cores: number): number {
  return Math.round(cores * 1e3) / 1e3;
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
