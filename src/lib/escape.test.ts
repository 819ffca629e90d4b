import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeText } from './escape.ts';

describe('escapeText', () => {
  it('shows escape sequences instead of sending them to the terminal', () => {
    expect(escapeText('\x1b]0;owned\x07 \x9b2J')).toBe('\\x1b]0;owned\\x07 \\x9b2J');
  });

  it('shows characters that reorder or hide text', () => {
    expect(escapeText('a\u202eb\u200bc\u2066d')).toBe('a\\u202eb\\u200bc\\u2066d');
  });

  it('keeps lines and tabs unless one line is wanted', () => {
    expect(escapeText('a\n\tb')).toBe('a\n\tb');
    expect(escapeText('a\n\tb\r', { singleLine: true })).toBe('a\\n\\tb\\r');
  });

  it('leaves letters of all scripts alone', () => {
    expect(escapeText('Größe 猫 🐈 é')).toBe('Größe 猫 🐈 é');
  });

  it('never lets a control character or a lone surrogate through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeText(text, { singleLine: true });
        expect(escaped).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
        expect(escaped.isWellFormed()).toBe(true);
      }),
    );
  });
});
