import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes } from '../../domain/bytes.ts';
import { makePaint } from './terminal.ts';
import { formatJson, formatMoment, formatShare, formatTable, widthOf, wrapText } from './text.ts';

const paint = makePaint(false);

describe('text for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1.5 * 2 ** 20, '1.5 MiB'],
    [200 * 2 ** 30, '200 GiB'],
    [5000 * 2 ** 40, '5000 TiB'],
  ])('formats %d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('formats moments and shares', () => {
    expect(formatMoment(new Date(5_000), 5_400)).toBe('now');
    expect(formatMoment(new Date(65_000), 5_000)).toBe('in 1m');
    expect(formatMoment(new Date(5_000), 3_605_000)).toBe('1h ago');
    expect([formatShare(0.005), formatShare(0.25), formatShare(1)]).toEqual(['0.5 %', '25 %', '100 %']);
  });

  it('lines columns up, whatever is in them', () => {
    const table = formatTable(
      [
        ['日本', 'x'],
        ['a\nb\x1b', 'y'],
      ],
      { header: ['ONE', 'TWO'], paint },
    );
    expect(table).toBe('ONE       TWO\n日本      x\na\\nb\\x1b  y');
  });

  it('wraps at spaces and loses no word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
        fc.integer({ min: 12, max: 40 }),
        (words, columns) => {
          const wrapped = wrapText(words.join(' '), columns);
          expect(wrapped.split(/\s+/)).toEqual(words);
          expect(Math.max(...wrapped.split('\n').map(widthOf))).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });
});

describe('JSON for programs', () => {
  it('means the same, and holds nothing that a terminal acts on', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (value) => {
        const text = formatJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
        expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
      }),
    );
  });
});
