import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { serializeCloudConfig } from './cloud-config.ts';

// What YAML, shells and Python have quarrels with, next to arbitrary text.
const awkward = fc.constantFrom(
  ...[
    '',
    ' ',
    '~',
    'null',
    'yes',
    'off',
    '0o17',
    '017',
    '1e3',
    '.inf',
    '1:30',
    '2026-11-23',
    '- a',
    '? b',
    '#c',
    '<<',
  ],
  ...[
    '%d',
    '@e',
    '`f`',
    '!!python/object',
    '&g',
    '*h',
    '|',
    '>',
    '---',
    '...',
    "'",
    '"',
    '\\',
    '\\u0041',
    '$(id)',
  ],
  ...[
    '\n',
    '\r\n',
    '\t',
    '\0',
    '\u001b[31m',
    '\u007f',
    '\u0085',
    '\u009f',
    '\u2028',
    '\u2029',
    '\ufeff',
    '\ufffe',
    '\uffff',
  ],
  ...['\u{1f600}', '\u{10ffff}', 'é', 'a'.repeat(2000), '## template: jinja', '#cloud-config'],
);
const text = fc.oneof(
  awkward,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(awkward, { maxLength: 6 }).map((parts) => parts.join('')),
);
const data = fc.dictionary(
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }).filter((key) => key !== '__proto__'),
  fc.oneof(text, fc.boolean(), fc.maxSafeInteger(), fc.array(text, { maxLength: 3 })),
  { maxKeys: 6 },
);

describe('serializeCloudConfig', () => {
  it.each(['1.1', '1.2'] as const)('reads back as the same data under YAML %s', (version) => {
    fc.assert(
      fc.property(data, (value) => {
        const document = serializeCloudConfig(value);
        expect(document.startsWith('#cloud-config\n{')).toBe(true);
        expect(document.trimEnd().split('\n')).toHaveLength(2);
        expect(parse(document, { version, intAsBigInt: false })).toEqual({ ...value });
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what PyYAML would read as something else, or not at all', () => {
    for (const value of [1.5, 1e21, Number.NaN, -0.5]) {
      expect(() => serializeCloudConfig({ value })).toThrow(TypeError);
    }
    expect(() => serializeCloudConfig({ half: '\ud800' })).toThrow(TypeError);
    expect(() => serializeCloudConfig({ ['\udc00']: 'half' })).toThrow(TypeError);
    expect(() => serializeCloudConfig({ ['k'.repeat(1025)]: 'long' })).toThrow(TypeError);
    expect(() => serializeCloudConfig({ nothing: null } as never)).toThrow(TypeError);
  });
});
