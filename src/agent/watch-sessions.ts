import type { MachinePaths } from './machine-paths.ts';
import type { ProcessStat } from './proc-files.ts';
import { listSessions, type TerminalSession } from './sessions.ts';
import { type Clocks, createStampWatch, type SavedStamp, type StampWatch } from './watch-stamp.ts';

/** What was seen of the terminals; `lastInputAtMs` and `lastChangeAtMs` are on the monotonic clock. */
export interface SessionWatch {
  sample(processes: ReadonlyMap<number, ProcessStat>): void;
  readonly open: readonly TerminalSession[];
  /** The last key pressed on any terminal that was ever seen. */
  readonly lastInputAtMs: number | null;
  /** When a terminal was last seen to open or close. */
  readonly lastChangeAtMs: number | null;
  save(): SavedSessions;
}

export interface SavedSessions {
  lastInputAtMs: number | null;
  lastChangeAtMs: number | null;
  /** By the id of the session. */
  inputs: Record<string, SavedStamp>;
}

export function createSessionWatch(
  paths: MachinePaths,
  clocks: Clocks,
  saved: SavedSessions | null = null,
): SessionWatch {
  let open: readonly TerminalSession[] = [];
  let inputs = new Map<string, StampWatch>(
    Object.entries(saved?.inputs ?? {}).map(([id, stamp]) => [id, createStampWatch(clocks, stamp)]),
  );
  let hasLooked = saved !== null;
  let lastInputAtMs = saved?.lastInputAtMs ?? null;
  let lastChangeAtMs = saved?.lastChangeAtMs ?? null;
  return {
    sample(processes) {
      const watches = new Map<string, StampWatch>();
      const found = listSessions(paths, processes).map((session) => {
        const watch = inputs.get(session.id) ?? createStampWatch(clocks);
        watches.set(session.id, watch);
        const inputAtMs = watch.see(session.lastInputAtMs);
        if (inputAtMs !== null) lastInputAtMs = Math.max(lastInputAtMs ?? inputAtMs, inputAtMs);
        return { ...session, lastInputAtMs: inputAtMs };
      });
      const isSame = watches.size === inputs.size && found.every(({ id }) => inputs.has(id));
      if (hasLooked && !isSame) lastChangeAtMs = clocks.monotonicMs();
      hasLooked = true;
      open = found;
      inputs = watches;
    },
    get open() {
      return open;
    },
    get lastInputAtMs() {
      return lastInputAtMs;
    },
    get lastChangeAtMs() {
      return lastChangeAtMs;
    },
    save: () => ({
      lastInputAtMs,
      lastChangeAtMs,
      inputs: Object.fromEntries([...inputs].map(([id, watch]) => [id, watch.save()])),
    }),
  };
}
