import type { PowerInput, Signal } from './decide-power.ts';
import type { Executor } from './execute.ts';
import { isBusy, type Level } from './level.ts';
import type { Hold } from './seen-file.ts';
import type { NetworkWatch } from './watch-network.ts';
import type { SessionWatch } from './watch-sessions.ts';
import type { WorkWatch } from './watch-work.ts';

/** Everything that a decision looks at. The times of signals are on the clock of the boot. */
export interface Seen {
  executor: Executor;
  work: WorkWatch;
  network: NetworkWatch;
  sessions: SessionWatch;
  hold: Hold | null;
  firstStartAtMs: number;
  seeingSinceMs: number | null;
  lastCallAtMs: number | null;
  lastInteractiveAtMs: number | null;
  lastExecAtMs: number | null;
  /** The setup of the project runs now, or was last seen to. */
  isSettingUp: boolean;
  lastSetupAtMs: number | null;
  /** The same moment on the clock that people set and on that of the boot. */
  nowMs: number;
  monotonicMs: number;
}

/** A client that said it is there this recently still is. One that wants to be counted says so more often. */
const heartbeatValidMs = 3 * 60_000;

/** The time of day of a moment on the clock of the boot, as the clock is set now. */
export function onClock(seen: Pick<Seen, 'nowMs' | 'monotonicMs'>, atMs: number): number {
  return seen.nowMs + Math.round(atMs - seen.monotonicMs);
}

/** The same for what has been: the two clocks are not read at one moment, and nothing was seen in the future. */
export function pastOnClock(seen: Pick<Seen, 'nowMs' | 'monotonicMs'>, atMs: number): number {
  return Math.min(seen.nowMs, onClock(seen, atMs));
}

export function readSignals(seen: Seen): Signal[] {
  const { executor, work, network, sessions } = seen;
  const { cpu, processes, containers } = work.levels;
  const running = executor.running.size;
  const isThere =
    seen.lastInteractiveAtMs !== null && seen.monotonicMs - seen.lastInteractiveAtMs < heartbeatValidMs;
  const terminal = [sessions.lastInputAtMs, sessions.lastChangeAtMs].filter((atMs) => atMs !== null);
  const signal = (name: string, lastAtMs: number | null, nowBusy: string | false): Signal => ({
    name,
    lastAtMs: lastAtMs === null ? null : pastOnClock(seen, lastAtMs),
    nowBusy: nowBusy === false ? null : nowBusy,
  });
  const level = (name: string, measured: Level, what: (value: number) => string) =>
    signal(name, measured.lastBusyAtMs, isBusy(measured) && what(measured.value ?? 0));
  return [
    signal('terminal', terminal.length === 0 ? null : Math.max(...terminal), false),
    signal('call', seen.lastCallAtMs, false),
    signal('heartbeat', seen.lastInteractiveAtMs, isThere && 'an interactive client is there'),
    signal('exec', seen.lastExecAtMs, running > 0 && `commands of /exec are running: ${running}`),
    signal('setup', seen.lastSetupAtMs, seen.isSettingUp && 'the project is being set up'),
    level('cpu', cpu, (cores) => `the CPU is at work: ${cores.toFixed(1)} cores`),
    level('processes', processes, (cores) => `processes of the user are at work: ${cores.toFixed(2)} cores`),
    level('containers', containers, (cores) => `containers are at work: ${cores.toFixed(2)} cores`),
    level('network', network.level, (bytes) => `the network is at work: ${Math.round(bytes / 1_000)} kB/s`),
  ];
}

/** What a decision takes from what was seen. */
export function readSight(
  seen: Seen,
): Pick<PowerInput, 'nowMs' | 'agentStartedAtMs' | 'seeingSinceMs' | 'holdUntilMs' | 'signals'> {
  const { hold, seeingSinceMs } = seen;
  return {
    nowMs: seen.nowMs,
    agentStartedAtMs: pastOnClock(seen, seen.firstStartAtMs),
    seeingSinceMs: seeingSinceMs === null ? null : pastOnClock(seen, seeingSinceMs),
    holdUntilMs: hold === null ? null : onClock(seen, hold.untilMs),
    signals: readSignals(seen),
  };
}
