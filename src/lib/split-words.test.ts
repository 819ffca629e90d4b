import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitWords } from './split-words.ts';

describe('splitWords', () => {
  it.each([
    ['op read op://vault/item/token', ['op', 'read', 'op://vault/item/token']],
    ["pass 'cloud/api token'", ['pass', 'cloud/api token']],
    ['a "b c"d\\ e', ['a', 'b cd e']],
    ['a "" \'\'', ['a', '', '']],
    ['a "$HOME" $(id) `id` ; | * >x', ['a', '$HOME', '$(id)', '`id`', ';', '|', '*', '>x']],
  ])('%j', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it.each(['', '   ', "a 'b", 'a "b', 'a \\', 'a "b\\"'])('refuses %j', (line) => {
    expect(() => splitWords(line)).toThrow(expect.objectContaining({ code: 'config' }));
  });

  it('splits as sh does, where sh has nothing to expand', () => {
    const piece = fc.stringMatching(
      /^(?:[a-z:/.=@-]|\\[ a'"]|'[a-z "\\]*'|"[a-z ']*(?:\\["\\a][a-z]*)?"){1,6}$/,
    );
    const lines = fc.array(fc.array(piece, { minLength: 1, maxLength: 4 }), {
      minLength: 200,
      maxLength: 200,
    });
    fc.assert(
      fc.property(lines, (all) => {
        const script = all.map((words) => `printf '%s\\001' ${words.join('  ')}; printf '\\002'`).join('\n');
        const output = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
        const expected = output
          .split('\u0002')
          .slice(0, -1)
          .map((line) => line.split('\u0001').slice(0, -1));
        expect(all.map((words) => splitWords(words.join('  ')))).toEqual(expected);
      }),
      { numRuns: 5 },
    );
  });
});
