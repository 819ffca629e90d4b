/** Small pieces of text: columns, sizes, moments. Everything here is for people; programs get JSON. */
import { formatDuration } from '../../domain/duration.ts';
import type { Money } from '../../domain/provider.ts';
import { escapeText } from '../../lib/escape.ts';
import type { Paint } from './terminal.ts';

/** East Asian wide and emoji characters take two columns. @see Unicode Standard Annex 11 */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const mark = /\p{Mn}/u;

/** Columns that a text without control sequences takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += wide.test(char) ? 2 : mark.test(char) ? 0 : 1;
  return width;
}

/** Text of whatever origin, for one line of a terminal. */
export function oneLine(text: string): string {
  return escapeText(text, { singleLine: true });
}

export interface TableOptions {
  header?: readonly string[];
  paint: Paint;
}

/** Rows under each other, with two spaces between columns. Cells are escaped here, so any text will do. */
export function formatTable(rows: readonly (readonly string[])[], { header, paint }: TableOptions): string {
  const cells = [...(header ? [header] : []), ...rows].map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of cells) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  }
  const lines = cells.map((row) =>
    row.map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell))),
  );
  return lines
    .map((line) => line.join('  ').trimEnd())
    .map((line, at) => (header && at === 0 ? paint('bold', line) : line))
    .join('\n');
}

/** Breaks a paragraph at spaces, so that no line is wider than `columns` unless a word is. */
export function wrapText(text: string, columns: number): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1) ?? ''} ${word}`.trimStart();
    if (lines.length > 0 && widthOf(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join('\n');
}

export type Field = readonly [name: string, value: string | null];

/** Names and values under each other. A value of null leaves its line out. */
export function formatFields(fields: readonly Field[], paint: Paint): string {
  const shown = fields.flatMap(([name, value]) =>
    value === null ? [] : [[oneLine(name), oneLine(value)] as const],
  );
  const width = Math.max(0, ...shown.map(([name]) => widthOf(name)));
  const pad = (name: string) => name + ' '.repeat(width - widthOf(name));
  return shown.map(([name, value]) => `${paint('bold', pad(name))}  ${value}`).join('\n');
}

/** `in 3h`, `2m ago`, `now`. */
export function formatMoment(moment: Date, nowMs: number): string {
  const awayMs = moment.getTime() - nowMs;
  if (Math.abs(awayMs) < 1_000) return 'now';
  return awayMs > 0 ? `in ${formatDuration(awayMs)}` : `${formatDuration(-awayMs)} ago`;
}

/** The same for a time as the agent sends it. */
export function formatTime(time: string | null, nowMs: number): string | null {
  return time === null ? null : formatMoment(new Date(time), nowMs);
}

export function formatShare(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** The price of an hour; null is a machine that costs nothing. */
export function formatHourly(price: Money | null): string {
  return price === null ? 'free' : `${price.amount} ${price.currency} an hour`;
}

// What JSON.stringify leaves as it is, though a terminal would act on it or hide it.
const unsafeInJson = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** One line of JSON that means the same as `JSON.stringify`, and that no terminal can be led astray by. */
export function formatJson(value: object): string {
  return JSON.stringify(value).replace(
    unsafeInJson,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
