import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDurationMs } from './duration.ts';
import { SpuffError } from './errors.ts';

describe('parseDurationMs', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
  ])('reads %s', (text, ms) => {
    expect(parseDurationMs(text, '--ttl')).toBe(ms);
  });

  it.each(['', '0s', '10', 'h', '1.5h', '-1h', '1h ', '1w', '9999999s', '0h0m'])(
    'refuses %j and names what it is for',
    (text) => {
      expect(() => parseDurationMs(text, '--ttl')).toThrow(SpuffError);
      expect(() => parseDurationMs(text, '--ttl')).toThrow('--ttl');
    },
  );
});

describe('formatDuration', () => {
  it('can be read back to the same two units', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_000_000 }), (seconds) => {
        const text = formatDuration(seconds * 1_000);
        expect(formatDuration(parseDurationMs(text.replaceAll(' ', ''), 'x'))).toBe(text);
      }),
    );
  });

  it('shows no more than two units', () => {
    expect(formatDuration(90_061_000)).toBe('1d 1h');
    expect(formatDuration(59_999)).toBe('59s');
    expect(formatDuration(0)).toBe('0s');
  });
});
