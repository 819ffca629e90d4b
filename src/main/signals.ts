import { constants } from 'node:os';

export interface StopSignals {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /**
   * Runs a session, which passes signals on to the machine by itself: they end what runs there, not this process.
   * @returns its exit status; 128+n when it failed after signal n, because then that was meant to end it
   */
  holdDuring(session: () => Promise<number>): Promise<number>;
}

const stopping = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal asks the command to stop and undo; the second calls `stopAtOnce`. */
export function listenForStop(stopAtOnce: () => void): StopSignals {
  const controller = new AbortController();
  let holders = 0;
  let heldBack: NodeJS.Signals | null = null;
  for (const name of stopping) {
    process.on(name, () => {
      if (holders > 0) {
        heldBack = name;
        return;
      }
      if (controller.signal.aborted) stopAtOnce();
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return {
    signal: controller.signal,
    holdDuring: async (session) => {
      holders += 1;
      heldBack = null;
      try {
        return await session();
      } catch (error) {
        if (heldBack === null) throw error;
        return 128 + constants.signals[heldBack];
      } finally {
        holders -= 1;
      }
    },
  };
}
