import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CommandSpec } from './command.ts';
import { flagOf } from './parameters.ts';
import { parsePlain } from './parse-plain.ts';
import type { ParsedLine } from './parsed-line.ts';
import { buildProgram, closeOptionalValues } from './program.ts';
import { loadAllCommands } from './registry.ts';

const commands = await loadAllCommands();

/** What commander makes of the same words; null when it refuses them. */
function parseWithCommander(spec: CommandSpec, words: readonly string[]): ParsedLine | null {
  let result: ParsedLine | null = null;
  const nothing = () => undefined;
  const program = buildProgram({
    loaded: new Map([[spec.name, spec]]),
    columns: 80,
    bold: (text) => text,
    onHelp: nothing,
    onError: nothing,
    onCommand: (_spec, parsed) => {
      result = parsed;
    },
  });
  try {
    program.parse(closeOptionalValues(words, [spec]), { from: 'user' });
  } catch {
    return null;
  }
  return result;
}

/** As the command will see it: defaults are filled in by what reads the values. */
function meaning(spec: CommandSpec, { words, options, globals }: ParsedLine): object {
  const read = Object.entries(spec.options).map(([key, option]) => {
    const given = options[key];
    const raw = option.form === 'optional-value' && given === '' ? true : given;
    return [key, option.form === 'flag' ? raw === true : option.form === 'negated' ? raw !== false : raw];
  });
  return {
    words,
    json: options['json'] === true,
    options: Object.fromEntries(read),
    verbose: globals['verbose'] === true,
    quiet: globals['quiet'] === true,
    color: globals['color'] !== false,
    input: globals['input'] !== false,
  };
}

describe('parsePlain', () => {
  it.each(commands.map((spec) => [spec.name, spec] as const))(
    'reads %s as commander does, or leaves it',
    (_name, spec) => {
      const own = Object.entries(spec.options).flatMap(([key, option]) => [
        flagOf(key),
        `--no-${flagOf(key).slice(2)}`,
        `${flagOf(key)}=v`,
        `${flagOf(key)}=`,
        ...(option.short === undefined ? [] : [`-${option.short}`, `-${option.short}v`, `-q${option.short}`]),
        ...(option.choices ?? []),
      ]);
      const common = [
        'demo',
        'x',
        '',
        '5',
        '-5',
        '-',
        '-v',
        '-q',
        '--quiet',
        '--no-color',
        '--no-input',
        '--json',
        '--bogus',
      ];
      const word = fc.constantFrom(...common, ...own, 'bash', 'ls');
      const lines = fc.tuple(fc.array(word, { maxLength: 2 }), fc.array(word, { maxLength: 5 }));
      fc.assert(
        fc.property(lines, ([before, behind]) => {
          const line = [...before, ...spec.name.split(' '), ...behind];
          const plain = parsePlain(spec, line);
          if (plain === null) return;
          const judged = parseWithCommander(spec, line);
          expect(judged && meaning(spec, judged)).toEqual(meaning(spec, plain));
        }),
        { numRuns: 300 },
      );
    },
  );

  it('reads the lines that people write', () => {
    for (const spec of commands) {
      const plain = spec.examples.filter(({ command }) => {
        const words = command
          .replace(/ (?:<|--( |$)).*$/, '')
          .split(' ')
          .slice(1);
        return parsePlain(spec, words) !== null;
      });
      expect(plain.length).toBeGreaterThan(0);
    }
  });
});
