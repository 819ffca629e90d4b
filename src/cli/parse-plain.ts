import type { CommandSpec } from './command.ts';
import { globalFlags } from './global-flags.ts';
import { flagOf } from './parameters.ts';
import type { ParsedLine } from './parsed-line.ts';

type Values = Record<string, string | boolean | undefined>;

/**
 * Reads a line on which every word is plainly a flag, a value or an argument of the command: most are, and commander
 * takes 10 ms to load. Whatever else there is on the line, and whatever is wrong with it, is commander's to judge.
 * @param words the line without the name of the program, up to `--`
 * @returns null for a line that is not plain
 */
export function parsePlain(spec: CommandSpec, words: readonly string[]): ParsedLine | null {
  const options: Values = {};
  const globals: Record<string, boolean> = {};
  const rest: string[] = [];
  const name = spec.name.split(' ');
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) {
      rest.push(word);
    } else if (!takeGlobal(word, globals)) {
      // The command's own options stand behind its name.
      const taken = rest.length < name.length ? 0 : takeOption(spec, word, words[at + 1], options);
      if (taken === 0) return null;
      at += taken - 1;
    }
  }
  if (name.some((part, at) => rest[at] !== part)) return null;
  const given = rest.slice(name.length);
  return argumentsFit(spec, given) ? { words: given, options, globals } : null;
}

function takeGlobal(word: string, globals: Record<string, boolean>): boolean {
  const flag = globalFlags.find(({ flags }) => flags.split(', ').includes(word));
  if (flag) globals[flag.key] = !word.startsWith('--no-');
  return flag !== undefined;
}

/** Gives how many words the option took; 0 when it is not plain. */
function takeOption(spec: CommandSpec, word: string, next: string | undefined, options: Values): number {
  if (word === '--json' && spec.json !== undefined) {
    options['json'] = true;
    return 1;
  }
  const [flag = '', ...assigned] = word.split('=');
  for (const [key, option] of Object.entries(spec.options)) {
    const isFlag = flag === flagOf(key) || (option.short !== undefined && word === `-${option.short}`);
    if (option.form === 'negated') {
      if (word !== flagOf(key).replace(/^--/, '--no-')) continue;
      options[key] = false;
      return 1;
    }
    if (!isFlag) continue;
    if (option.form === 'flag') {
      if (assigned.length > 0) return 0;
      options[key] = true;
      return 1;
    }
    if (option.form === 'optional-value' && assigned.length === 0) {
      options[key] = true;
      return 1;
    }
    const value = assigned.length > 0 ? assigned.join('=') : next;
    if (value === undefined || value === '' || value.startsWith('-')) return 0;
    if (option.choices && !option.choices.includes(value)) return 0;
    options[key] = value;
    return assigned.length > 0 ? 1 : 2;
  }
  return 0;
}

function argumentsFit(spec: CommandSpec, given: readonly string[]): boolean {
  const specs = Object.values(spec.arguments);
  const required = specs.filter((argument) => argument.required).length;
  const most = specs.at(-1)?.variadic ? Number.POSITIVE_INFINITY : specs.length;
  const choicesFit = specs.every(({ choices }, at) => {
    const word = given[at];
    return !choices || word === undefined || choices.includes(word);
  });
  return given.length >= required && given.length <= most && choicesFit;
}
