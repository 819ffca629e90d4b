/** The clock that people set, and the one that nobody can. */
export interface Clocks {
  /** Unix time in ms. */
  now: () => number;
  /** Ms of a clock that never goes back, that setting the time does not move, and that goes on over a restart of the agent. */
  monotonicMs: () => number;
}

export interface StampWatch {
  /**
   * Looks at a time that somebody else keeps by the clock that people set.
   * @returns when it was last seen to change, on the monotonic clock; null: never
   */
  see(stampMs: number | null): number | null;
  save(): SavedStamp;
}

/** What an agent leaves to the one after it. */
export interface SavedStamp {
  stampMs: number | null;
  lookedAtMs: number | null;
  changedAtMs: number | null;
}

/**
 * Dates a change of a stamp by when it was seen, and takes the stamp's own word only as far as that can be true: not
 * after now, not before the look that it was not yet there. So a time in the future counts once, when it appears, and
 * setting the clock neither renews nor ages what was seen before.
 */
export function createStampWatch({ now, monotonicMs }: Clocks, saved: SavedStamp | null = null): StampWatch {
  let before = saved?.stampMs ?? null;
  let lookedAtMs = saved?.lookedAtMs ?? null;
  let changedAtMs = saved?.changedAtMs ?? null;
  return {
    see(stampMs) {
      const atMs = monotonicMs();
      if (stampMs !== null && stampMs !== before) {
        const claimedAtMs = atMs - Math.max(0, now() - stampMs);
        changedAtMs = Math.max(claimedAtMs, lookedAtMs ?? claimedAtMs);
      }
      before = stampMs;
      lookedAtMs = atMs;
      return changedAtMs;
    },
    save: () => ({ stampMs: before, lookedAtMs, changedAtMs }),
  };
}
