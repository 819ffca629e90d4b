/** A stretch of time, from its first moment up to, and without, its last. */
export interface Span {
  fromMs: number;
  toMs: number;
}

export function covers(spans: readonly Span[], atMs: number): boolean {
  return spans.some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
}

/** Where the spans that hold a moment end; null: none holds it. */
export function endOfSpan(spans: readonly Span[], atMs: number): number | null {
  let end: number | null = null;
  for (let moment = atMs; ; moment = end) {
    const span = spans.find(({ fromMs, toMs }) => fromMs <= moment && moment < toMs);
    if (!span) return end;
    end = span.toMs;
  }
}

/** The first moment from `fromMs` on by which there was so much time without any of the spans, in one piece. */
export function firstQuiet(spans: readonly Span[], fromMs: number, lengthMs: number): number {
  let start = fromMs;
  for (const { fromMs: begin, toMs } of spans.toSorted((one, other) => one.fromMs - other.fromMs)) {
    if (toMs <= start) continue;
    if (begin >= start + lengthMs) break;
    start = toMs;
  }
  return start + lengthMs;
}
