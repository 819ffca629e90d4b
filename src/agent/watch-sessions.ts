import type { MachinePaths } from './machine-paths.ts';
import { listSessions, type TerminalSession } from './sessions.ts';
import { type Clocks, createStampWatch, type StampWatch } from './watch-stamp.ts';

/** What was seen of the terminals; `lastInputAtMs` and `lastChangeAtMs` are on the monotonic clock. */
export interface SessionWatch {
  sample(): void;
  readonly open: readonly TerminalSession[];
  /** The last key pressed on any terminal that was ever seen. */
  readonly lastInputAtMs: number | null;
  /** When a terminal was last seen to open or close. */
  readonly lastChangeAtMs: number | null;
}

export function createSessionWatch(paths: MachinePaths, clocks: Clocks): SessionWatch {
  let open: readonly TerminalSession[] | null = null;
  let inputs = new Map<string, StampWatch>();
  let lastInputAtMs: number | null = null;
  let lastChangeAtMs: number | null = null;
  return {
    sample() {
      const watches = new Map<string, StampWatch>();
      const found = listSessions(paths).map((session) => {
        const watch = inputs.get(session.id) ?? createStampWatch(clocks);
        watches.set(session.id, watch);
        const inputAtMs = watch.see(session.lastInputAtMs);
        if (inputAtMs !== null) lastInputAtMs = Math.max(lastInputAtMs ?? inputAtMs, inputAtMs);
        return { ...session, lastInputAtMs: inputAtMs };
      });
      const isSame = watches.size === inputs.size && found.every(({ id }) => inputs.has(id));
      if (open !== null && !isSame) lastChangeAtMs = clocks.monotonicMs();
      open = found;
      inputs = watches;
    },
    get open() {
      return open ?? [];
    },
    get lastInputAtMs() {
      return lastInputAtMs;
    },
    get lastChangeAtMs() {
      return lastChangeAtMs;
    },
  };
}
