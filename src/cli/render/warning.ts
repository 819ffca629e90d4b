import { escapeText } from '../../lib/escape.ts';
import type { Paint } from './terminal.ts';

/** A warning and what to do about it, one line each. */
export function warningLines(paint: Paint, text: string, hints: readonly string[] = []): string[] {
  return [
    `${paint('yellow', 'warning:')} ${escapeText(text, { singleLine: true })}`,
    ...hints.map((hint) => `${paint('cyan', 'hint:')} ${escapeText(hint, { singleLine: true })}`),
  ];
}

/** The time that a step has taken: tenths while it is short. */
export function formatElapsed(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
}
