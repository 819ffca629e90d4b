import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteArgument, quoteCommand } from './shell-quote.ts';

const shells = ['sh', 'bash', 'dash', 'zsh', 'ksh', 'fish'].filter(
  (shell) => spawnSync(shell, ['-c', 'true']).status === 0,
);
const argument = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...'\'"\\$`!*?~#&;|<>(){}[] \n\t=%^-a'.split('')), maxLength: 20 }),
  )
  .filter((text) => !text.includes('\0') && text.isWellFormed());

describe('quoteCommand', () => {
  it.each(shells)('is read back unchanged by %s', (shell) => {
    const argv = fc.array(argument, { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(argv, (words) => {
        const command = quoteCommand(['printf', '%s\\0', ...words]);
        const { stdout, status } = spawnSync(shell, ['-c', command], { encoding: 'utf8' });
        expect(status).toBe(0);
        expect(stdout.split('\0').slice(0, -1)).toEqual(words);
      }),
      { numRuns: 40 },
    );
  });

  it('leaves plain words as they are', () => {
    expect(quoteCommand(['ls', '-l', '/var/log', 'a=b'])).toBe("ls -l /var/log 'a=b'");
  });

  it('refuses what no process can be given', () => {
    expect(() => quoteArgument('a\0b')).toThrow(TypeError);
  });
});
