/** The agent's own code on a machine that there is not: its clocks, its files and its power switch are the simulation's. */
import { createActivity } from '../../src/agent/activity.ts';
import type { Executor } from '../../src/agent/execute.ts';
import { createLifecycle, tickMs } from '../../src/agent/lifecycle.ts';
import { machinePaths } from '../../src/agent/machine-paths.ts';
import type { PlannedShutdown } from '../../src/agent/power.ts';
import type { SeenState } from '../../src/agent/seen-file.ts';
import type { AgentConfig } from '../../src/domain/agent-config.ts';

export interface AgentWorld {
  /** The clock that people set, and the one of the boot. */
  now: () => number;
  monotonicMs: () => number;
  config: () => AgentConfig;
  /** Whether something works for the user, and when that last ended by the clock that people set. */
  work: { isRunning: boolean; lastAtMs: number | null };
  powerOff: (reason: string) => void;
  /** What an agent leaves in memory for the next one; null after a boot. */
  memory: { seen: SeenState | null };
}

export interface SimAgent {
  /** @returns in how many ms it has to look again; until then nothing can come of it that a call does not tell it */
  tick(): number;
  noteCall(): void;
  /** Keeps the machine on until a moment of the clock that people set. */
  hold(untilMs: number): void;
}

/** A folder in which there is nothing of what a machine has in its own. */
const empty = import.meta.dirname;
const nowhere = { ...machinePaths, proc: empty, dev: empty, cgroup: empty };

/** Looks that can change nothing are left out, but never the last ones before something happens. */
const nearMs = 60_000;
const farMs = 3_600_000;
/** An agent that looks less often takes itself for blind. */
const seeingMs = 3 * tickMs;

export function createSimAgent(world: AgentWorld): SimAgent {
  const { now, monotonicMs, config, work, memory } = world;
  const executor = {
    get running() {
      return new Map(work.isRunning ? [['work', null]] : []);
    },
    get lastAtMs() {
      return work.isRunning ? now() : work.lastAtMs;
    },
  } as unknown as Executor;
  const seenFile = {
    before: memory.seen,
    write: (seen: SeenState) => {
      memory.seen = seen;
    },
    problem: null,
  };
  const pastSamples = { note: () => undefined, samples: [] };
  const activity = createActivity({ paths: nowhere, executor, seenFile, pastSamples, now, monotonicMs });
  const lifecycle = createLifecycle({
    lease: { read: () => ({ config: config(), problem: null }) },
    activity,
    metrics: { sample: () => undefined, read: () => Promise.reject(new TypeError('nobody asks')) },
    power: createSwitch(world),
    ...{ now, monotonicMs },
    warn: () => undefined,
    keepHint: '',
  });
  return {
    tick() {
      lifecycle.tick();
      const { next } = activity.decide(config());
      if (next === null) return farMs;
      const leftMs = next.atMs - now();
      if (leftMs <= nearMs + tickMs) return tickMs;
      return next.what === 'warning' ? Math.min(farMs, leftMs - nearMs) : seeingMs;
    },
    noteCall: () => activity.noteCall(),
    hold: (untilMs) => activity.hold({ untilMs, reason: 'kept' }),
  };
}

function createSwitch({ powerOff }: AgentWorld) {
  let planned: PlannedShutdown | null = null;
  return {
    plan: (shutdown: PlannedShutdown) => {
      planned = shutdown;
    },
    end: (nowMs: number, reason: string) => {
      planned = { atMs: nowMs, reason };
    },
    tick: (nowMs: number) => {
      if (planned !== null && nowMs >= planned.atMs) powerOff(planned.reason);
    },
    get planned() {
      return planned;
    },
    problem: null,
  };
}
