import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactSecretValues, Secret } from '../domain/secret.ts';
import { scrubText, serializeScrubbed } from './scrub.ts';

describe('scrubText', () => {
  it('takes out the value of every secret in use, in each way it may have been written', () => {
    const secret = new Secret('päss "wörd"\\/?');
    const value = secret.reveal();
    for (const text of [value, JSON.stringify({ x: value }), `?q=${encodeURIComponent(value)}`]) {
      expect(scrubText(text)).toContain('[redacted]');
      expect(scrubText(text)).not.toMatch(/wörd|w%C3%B6rd/);
    }
  });

  it('takes out single lines of a secret of several', () => {
    const secret = new Secret('-----first line of it-----\nq1w2e3r4t5y6u7i8o9p0asdf\nlast');
    expect(scrubText('odd: q1w2e3r4t5y6u7i8o9p0asdf!')).toBe('odd: [redacted]!');
    expect(secret.reveal()).toContain('last');
  });

  it('leaves no tail of a secret that holds another', () => {
    const [short, long] = [new Secret('abcdef'), new Secret('abcdef-ghijkl')];
    expect(redactSecretValues('x abcdef-ghijkl y')).toBe('x [redacted] y');
    expect([short, long].join()).toBe('[redacted],[redacted]');
  });

  it('does not shred text for a secret of a few letters', () => {
    const secret = new Secret('dev');
    expect(redactSecretValues('/dev/null')).toBe('/dev/null');
    expect(secret.reveal()).toBe('dev');
  });
});

describe('serializeScrubbed', () => {
  const canary = 'canary-hunter2-canary';

  it('finds a secret at any depth, in keys, in errors and their causes, in maps and nested JSON', () => {
    const secret = new Secret(canary);
    const error = Object.assign(new Error(`refused ${canary}`, { cause: new Error(canary) }), {
      body: canary,
    });
    const value = {
      secret,
      list: [[{ deep: { deeper: canary } }]],
      [canary]: 1,
      error,
      map: new Map([['x', new Set([canary])]]),
      nested: JSON.stringify({ a: JSON.stringify({ b: canary }) }),
      url: new URL(`https://example.org/?x=${canary}`),
    };
    const line = serializeScrubbed(value);
    expect(line).not.toContain(canary);
    expect(line).toContain('refused [redacted]');
    expect(secret.reveal()).toBe(canary);
  });

  it('blanks fields whose name announces a credential, whatever they hold', () => {
    expect(
      JSON.parse(serializeScrubbed({ a: [{ apiToken: { x: 'abc' }, password: 12, region: 'fra1' }] })),
    ).toEqual({
      a: [{ apiToken: '[redacted]', password: '[redacted]', region: 'fra1' }],
    });
  });

  it('describes what JSON cannot hold', () => {
    const circle: Record<string, unknown> = {
      big: 5n,
      none: undefined,
      when: new Date(0),
      bytes: Buffer.from('abc'),
    };
    circle['self'] = circle;
    expect(JSON.parse(serializeScrubbed(circle))).toEqual({
      big: '5',
      when: '1970-01-01T00:00:00.000Z',
      bytes: '[3 bytes]',
      self: '[circular]',
    });
    const hostile = {
      get x(): string {
        throw new RangeError('no');
      },
    };
    expect(serializeScrubbed(hostile)).toBe('"[not serializable: RangeError]"');
  });

  it('cuts what is too long', () => {
    const line = serializeScrubbed({ text: 'word '.repeat(100_000) });
    expect(line.length).toBeLessThan(9_000);
    expect(line).toContain('[cut: 500000 characters]');
  });

  it('is one line of JSON for every value', () => {
    fc.assert(
      fc.property(
        fc.anything({ withDate: true, withMap: true, withSet: true, withBigInt: true }),
        (value) => {
          const line = serializeScrubbed(value);
          expect(line).not.toMatch(/[\r\n]/);
          expect(() => JSON.parse(line) as unknown).not.toThrow();
        },
      ),
    );
  });
});
