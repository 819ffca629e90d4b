import { existsSync } from 'node:fs';
import type { IdleThresholds } from '../domain/agent-config.ts';
import type { Executor } from './execute.ts';
import type { MachinePaths } from './machine-paths.ts';
import type { Seen } from './read-signals.ts';
import { createProcessScanner } from './scan-processes.ts';
import type { Hold, SeenFile } from './seen-file.ts';
import { createNetworkWatch } from './watch-network.ts';
import { createSessionWatch } from './watch-sessions.ts';
import { type Clocks, createStampWatch } from './watch-stamp.ts';
import { createWorkWatch } from './watch-work.ts';

export interface SignSources extends Clocks {
  paths: MachinePaths;
  executor: Executor;
  seenFile: SeenFile;
}

/** What the lifecycle has to remember over a restart, on the clock of the boot. */
export interface LifecycleNotes {
  dueSinceMs: number | null;
  warnedOfMs: number | null;
}

export interface Signs {
  noteCall(): void;
  noteInteractive(): void;
  setHold(hold: Hold | null): void;
  observe(thresholds: IdleThresholds): void;
  look(): Seen;
  /** Writes down what an agent after this one has to know. */
  save(): void;
  readonly notes: LifecycleNotes;
}

/** A longer time than this between two looks is one in which nothing could be seen. */
const blindFromMs = 60_000;

/** A sign is written down at once, unless one that is no older than this has been: the next look does it then. */
const saveAgainMs = 5_000;

/** Collects the signs of life, dated on the clock of the boot; begins with what the agent before this one has seen. */
export function collectSigns({ paths, executor, seenFile, ...clocks }: SignSources): Signs {
  const { now, monotonicMs } = clocks;
  const { before } = seenFile;
  const scanProcesses = createProcessScanner(paths);
  const sessions = createSessionWatch(paths, clocks, before?.sessions);
  const work = createWorkWatch(paths, monotonicMs, before?.work ?? null);
  const network = createNetworkWatch(paths, monotonicMs, before?.network ?? null);
  const execs = createStampWatch(clocks, before?.execs);
  const notes = { dueSinceMs: before?.dueSinceMs ?? null, warnedOfMs: before?.warnedOfMs ?? null };
  const kept = {
    firstStartAtMs: before?.firstStartAtMs ?? monotonicMs(),
    seeingSinceMs: before?.seeingSinceMs ?? null,
    lastCallAtMs: before?.lastCallAtMs ?? null,
    lastInteractiveAtMs: before?.lastInteractiveAtMs ?? null,
    lastSetupAtMs: before?.lastSetupAtMs ?? null,
    hold: before?.hold ?? null,
  };
  let lookedAtMs = before?.atMs ?? null;
  let saved = { ...kept };
  const save = () => {
    saved = { ...kept };
    const watched = { sessions: sessions.save(), work: work.save(), network: network.save() };
    seenFile.write({ atMs: lookedAtMs ?? monotonicMs(), ...kept, ...notes, ...watched, execs: execs.save() });
  };
  const note = (sign: 'lastCallAtMs' | 'lastInteractiveAtMs') => {
    const atMs = monotonicMs();
    kept[sign] = atMs;
    // Not since anything was written: an agent that is killed right after would forget a sign for one that is hours older.
    if (atMs - (saved[sign] ?? Number.NEGATIVE_INFINITY) >= saveAgainMs) save();
  };
  return {
    noteCall: () => note('lastCallAtMs'),
    noteInteractive: () => note('lastInteractiveAtMs'),
    setHold(hold) {
      kept.hold = hold;
      save();
    },
    observe(thresholds) {
      const atMs = monotonicMs();
      if (lookedAtMs !== null && atMs - lookedAtMs > blindFromMs) kept.seeingSinceMs = atMs;
      lookedAtMs = atMs;
      if (existsSync(paths.setupRunning)) kept.lastSetupAtMs = atMs;
      const processes = scanProcesses();
      sessions.sample(processes);
      work.sample(processes, thresholds);
      network.sample(thresholds.networkBytesPerSecond);
    },
    look: () => ({
      ...{ executor, sessions, work, network, ...kept },
      lastExecAtMs: execs.see(executor.lastAtMs),
      isSettingUp: existsSync(paths.setupRunning),
      nowMs: now(),
      monotonicMs: monotonicMs(),
    }),
    save,
    notes,
  };
}
