/** Bars of text, as long as the amounts that they stand for. */
import { compareMoney, percentOf } from '../../domain/money.ts';
import type { Money } from '../../domain/provider.ts';

/** Eighths of a column, which terminals with UTF-8 can show. */
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

export interface BarOptions {
  /** Of the longest bar. */
  columns: number;
  isUnicode: boolean;
}

/** A bar for each amount of one currency; the largest takes all columns, and what is not nothing is seen. */
export function drawBars(amounts: readonly Money[], { columns, isUnicode }: BarOptions): string[] {
  const largest = amounts.toSorted(compareMoney).at(-1)?.amount ?? '0';
  return amounts.map(({ amount }) => {
    if (amount === '0' || columns < 1) return '';
    const parts = Math.max(1, Math.round((percentOf(amount, largest) * columns * 8) / 100));
    if (!isUnicode) return '#'.repeat(Math.max(1, Math.round(parts / 8)));
    return '█'.repeat(Math.floor(parts / 8)) + (eighths[parts % 8] ?? '');
  });
}
