import type { MachinePaths } from './machine-paths.ts';
import { listSessions, type TerminalSession } from './sessions.ts';

export interface SessionWatch {
  sample(nowMs: number): void;
  readonly open: readonly TerminalSession[];
  /** The last key pressed on any terminal that was ever seen. */
  readonly lastInputAtMs: number | null;
  /** When a terminal was last seen to open or close. */
  readonly lastChangeAtMs: number | null;
}

export function createSessionWatch(paths: MachinePaths): SessionWatch {
  let open: TerminalSession[] | null = null;
  let lastInputAtMs: number | null = null;
  let lastChangeAtMs: number | null = null;
  return {
    sample(nowMs) {
      const found = listSessions(paths);
      if (open !== null && identify(found) !== identify(open)) lastChangeAtMs = nowMs;
      open = found;
      for (const { lastInputAtMs: inputAtMs } of found) {
        if (inputAtMs !== null) lastInputAtMs = Math.max(lastInputAtMs ?? 0, inputAtMs);
      }
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

/** Terminal numbers are used again: the start tells one session from the next. */
function identify(sessions: readonly TerminalSession[]): string {
  return sessions.map(({ terminal, startedAtMs }) => `${terminal} ${startedAtMs}`).join();
}
