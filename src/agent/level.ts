/** Something that is measured over a while and counts as use of the machine from some level on. */
export interface Level {
  /** Over the time since the sample before; null until there are two. */
  readonly value: number | null;
  readonly busyFrom: number;
  /** On the clock of the samples. */
  readonly lastBusyAtMs: number | null;
}

/** Samples closer together than this say little. */
export const shortestSampleMs = 5_000;

export function atLevel(before: Level | null, value: number | null, busyFrom: number, atMs: number): Level {
  const isBusy = value !== null && value >= busyFrom;
  return { value, busyFrom, lastBusyAtMs: isBusy ? atMs : (before?.lastBusyAtMs ?? null) };
}

export function isBusy({ value, busyFrom }: Level): boolean {
  return value !== null && value >= busyFrom;
}
