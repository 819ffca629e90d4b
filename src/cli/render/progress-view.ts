import type { Progress } from '../../domain/progress.ts';

/** Progress that is drawn somewhere, and may have to make room for other output. */
export interface ProgressView extends Progress {
  /** Takes away what moves, lets `write` print whole lines, and goes on below. */
  makeRoom(write: () => void): void;
  /** Ends what moves and leaves the cursor at the start of a line. Safe to repeat. */
  stop(): void;
}

/** The same progress with every title under a name, for commands that work on several instances at once. */
export function prefixProgress(progress: Progress, name: string): Progress {
  return {
    start: (title) => progress.start(`${name}: ${title}`),
    note: (text) => progress.note(`${name}: ${text}`),
    warn: (text, hints) => progress.warn(`${name}: ${text}`, hints),
    trace: (text) => progress.trace(`${name}: ${text}`),
  };
}
