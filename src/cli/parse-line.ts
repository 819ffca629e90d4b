import { SpuffError } from '../domain/errors.ts';
import type { CommandInput, CommandSpec } from './command.ts';
import type { GlobalFlags } from './global-flags.ts';
import { flagOf } from './parameters.ts';
import { parsePlain } from './parse-plain.ts';
import type { ParsedLine } from './parsed-line.ts';
import { commandNames, families, loadAllCommands, loadCommand } from './registry.ts';

export type Line =
  | { kind: 'command'; spec: CommandSpec; input: CommandInput; flags: GlobalFlags }
  | { kind: 'help'; text: string }
  | { kind: 'version' };

export interface HelpLook {
  columns: number;
  bold: (text: string) => string;
}

/**
 * Reads a command line, without the name of the program.
 * @throws SpuffError `usage`
 */
export async function parseLine(argv: readonly string[], look: HelpLook): Promise<Line> {
  const { before, after } = splitAtDashes(argv);
  const words = before.filter((word) => !word.startsWith('-'));
  if (words[0] === 'help') return parseLine([...words.slice(1), '--help'], look);
  const [first = ''] = words;
  const onlyFamily = words.length === 1 && families[first] !== undefined && !commandNames().includes(first);
  const flags = before.filter((word) => word.startsWith('-'));
  const asksHelp = flags.some((word) => word === '--help' || word === '-h');
  if (!asksHelp && (onlyFamily || (words.length === 0 && flags.every(isHarmless)))) {
    return parseLine([...before, '--help'], look);
  }
  const name = findCommandName(words);
  // Whatever else is wrong with a line that asks for help, it gets the help.
  const line = asksHelp ? [...words, '--help'] : before;
  const specs = asksHelp && name === null ? await loadAllCommands() : await loadNamed(name);
  const [only] = specs;
  if (only && name !== null && !asksHelp && (after === undefined || only.rest)) {
    requireRest(only, after);
    const parsed = parsePlain(only, before);
    if (parsed) return toCommandLine(only, parsed, after);
  }
  return readWithCommander(
    { before: line, after, specs: new Map(specs.map((spec) => [spec.name, spec])) },
    look,
  );
}

/** Flags that may stand alone, as in `spuff --no-color`, and still mean: show the help. */
function isHarmless(word: string): boolean {
  return ['-v', '--verbose', '-q', '--quiet', '--no-color', '--no-input'].includes(word);
}

async function loadNamed(name: string | null): Promise<CommandSpec[]> {
  const spec = name === null ? null : await loadCommand(name);
  return spec === null ? [] : [spec];
}

function findCommandName(words: readonly string[]): string | null {
  const [first, second] = words;
  const known = commandNames();
  const candidates = [`${first} ${second}`, first];
  return candidates.find((name) => name !== undefined && known.includes(name)) ?? null;
}

function splitAtDashes(argv: readonly string[]): {
  before: readonly string[];
  after: readonly string[] | undefined;
} {
  const at = argv.indexOf('--');
  return at < 0
    ? { before: argv, after: undefined }
    : { before: argv.slice(0, at), after: argv.slice(at + 1) };
}

interface Pieces {
  before: readonly string[];
  after: readonly string[] | undefined;
  specs: ReadonlyMap<string, CommandSpec>;
}

async function readWithCommander(pieces: Pieces, look: HelpLook): Promise<Line> {
  const { buildProgram, closeOptionalValues } = await import('./program.ts');
  const { before, after, specs } = pieces;
  const takesRest = [...specs.values()].some((spec) => spec.rest !== undefined);
  let help = '';
  let complaint = '';
  let line: Line | undefined;
  const program = buildProgram({
    loaded: specs,
    ...look,
    onHelp: (text) => (help += text),
    onError: (text) => (complaint += text),
    onCommand: (spec, parsed) => (line = toCommandLine(spec, parsed, takesRest ? after : undefined)),
  });
  try {
    const words = closeOptionalValues(before, [...specs.values()]);
    program.parse(takesRest || after === undefined ? words : [...words, '--', ...after], {
      from: 'user',
    });
  } catch (error) {
    if (error instanceof SpuffError || !isCommanderError(error)) throw error;
    if (error.code === 'commander.version') return { kind: 'version' };
    if (error.code === 'commander.helpDisplayed') return { kind: 'help', text: help };
    throw toUsageError(complaint, [...specs.keys()][0]);
  }
  if (line === undefined)
    throw new SpuffError('usage', 'no command was given', { hints: ['see: spuff --help'] });
  return line;
}

function isCommanderError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

/** Commander writes `error: what\n(Did you mean this?)`. */
function toUsageError(complaint: string, command: string | undefined): SpuffError {
  const [first = '', ...others] = complaint.trim().split('\n');
  const guess = others.map((other) => other.replace(/^\((.*)\)$/, '$1')).filter((other) => other !== '');
  const help = command === undefined ? 'spuff --help' : `spuff ${command} --help`;
  return new SpuffError('usage', first.replace(/^error: /, '').replace(/\.$/, ''), {
    hints: [...guess, `see: ${help}`],
  });
}

/** @throws SpuffError `usage` when a command that lives from what follows `--` got nothing there */
function requireRest(spec: CommandSpec, rest: readonly string[] | undefined): void {
  if (!spec.rest?.required || (rest && rest.length > 0)) return;
  throw new SpuffError('usage', `spuff ${spec.name} takes ${spec.rest.placeholder} after --`, {
    hints: spec.examples.slice(0, 1).map((example) => `for example: ${example.command}`),
  });
}

function toCommandLine(spec: CommandSpec, parsed: ParsedLine, rest: readonly string[] | undefined): Line {
  const { verbose, quiet, color, input } = parsed.globals;
  return {
    kind: 'command',
    spec,
    input: { arguments: readArguments(spec, parsed.words), options: readOptions(spec, parsed.options), rest },
    flags: {
      verbose: verbose === true,
      quiet: quiet === true,
      color: color !== false,
      input: input !== false,
      json: parsed.options['json'] === true,
    },
  };
}

function readArguments(spec: CommandSpec, words: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(spec.arguments).map(([key, argument], at) => [
      key,
      argument.read(argument.variadic ? words.slice(at) : words.slice(at, at + 1)),
    ]),
  );
}

function readOptions(spec: CommandSpec, raw: ParsedLine['options']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(spec.options).map(([key, option]) => [key, option.read(raw[key], flagOf(key))]),
  );
}
