import { SpuffError } from './errors.ts';

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Past some 270,000 years a date can't be written any more; nobody's machine gets near. */
const longestMs = 3_650 * 86_400_000;
const pattern = /^(?:\d{1,6}[smhd])+$/;

/**
 * Reads `90s`, `30m`, `2h`, `1d`, or several in a row (`1h30m`).
 * @returns milliseconds, from one second to ten years
 * @throws SpuffError `usage` naming `what` when the text is anything else
 */
export function parseDurationMs(text: string, what: string): number {
  let totalMs = 0;
  if (pattern.test(text)) {
    for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g))
      totalMs += Number(count) * (unitMs[unit ?? ''] ?? 0);
  }
  if (totalMs > longestMs) {
    throw new SpuffError('usage', `${JSON.stringify(text)} is too long for ${what}`, {
      hints: ['ten years (3650d) are the most'],
    });
  }
  if (totalMs >= 1_000) return totalMs;
  throw new SpuffError('usage', `${JSON.stringify(text)} is not a length of time for ${what}`, {
    hints: ['write a number with s, m, h or d: 90s, 30m, 2h, 1h30m, 1d'],
  });
}

/** Writes milliseconds with at most two units, the largest first: `1d 4h`, `12m`, `3s`. */
export function formatDuration(ms: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.floor(ms / 1_000));
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0s';
}
