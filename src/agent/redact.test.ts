import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactArguments, redactText } from './redact.ts';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const hexDigits = '0123456789abcdef';
const run = (alphabet: string, length: number) =>
  fc
    .array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length })
    .map((chars) => chars.join(''));

const tokens = fc.oneof(
  run(letters, 36).map((text) => `ghp_${text}`),
  run(hexDigits, 64).map((text) => `dop_v1_${text}`),
  run(letters, 16).map((text) => `AKIA${text.toUpperCase()}`),
  run(letters, 24).map((text) => `tskey-auth-${text}`),
);

describe('redactText', () => {
  it('never shows a token of a known shape, also at the place where the text is cut', () => {
    fc.assert(
      fc.property(tokens, fc.integer({ min: 0, max: 4_200 }), (token, before) => {
        const shown = redactText(`${'x '.repeat(before / 2)}${token} end`);
        expect(shown).not.toContain(token);
        expect(shown).not.toContain(token.slice(0, 30));
      }),
    );
  });

  it('never shows the value of something that is named as a secret', () => {
    const names = ['PASSWORD', 'db_password', 'HCLOUD_TOKEN', '--api-key', 'client_secret'];
    fc.assert(
      fc.property(fc.constantFrom(...names), run(letters, 7), (name, value) => {
        expect(redactText(`${name}=${value}`)).toBe(`${name}=[redacted]`);
      }),
    );
  });

  it.each([
    'git commit -m "make the parser faster"',
    'npm run build',
    '/usr/lib/node_modules/some-long-package-name/dist/index.js',
    'docker run --rm -p 8080:80 nginx:1.27',
  ])('leaves %s alone', (text) => {
    expect(redactText(text)).toBe(text);
  });

  it('is bounded for hostile text', () => {
    for (const text of ['a'.repeat(200_000), 'password'.repeat(20_000), '-----BEGIN '.repeat(20_000)]) {
      expect(redactText(text).length).toBeLessThan(1_100);
    }
  });
});

describe('redactArguments', () => {
  it('redacts the argument after an option that names a secret', () => {
    const argv = ['psql', '--password', 'hunter2', '--host', 'db'];
    expect(redactArguments(argv)).toEqual(['psql', '--password', '[redacted]', '--host', 'db']);
  });

  it('keeps an option that follows one', () => {
    const argv = ['gh', 'auth', '--with-token', '--hostname', 'x'];
    expect(redactArguments(argv)).toEqual(argv);
  });

  it('looks at no more of a long command line than it has time for', () => {
    const shown = redactArguments(Array.from({ length: 4_000 }, () => 'word '.repeat(1_000)));
    expect(shown).toHaveLength(4_000);
    expect(shown.filter((argument) => argument === '[cut]')).toHaveLength(3_996);
  });

  it('keeps the number of arguments', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (argv) => {
        expect(redactArguments(argv)).toHaveLength(argv.length);
      }),
    );
  });
});
