/** What a command line that is still being typed can go on with. Reads the same data that parses it. */
import type { CommandSpec } from './command.ts';
import { completeValue } from './complete-value.ts';
import type { Candidate, Completion, CompletionContext } from './completion.ts';
import { globalFlags, jsonAbout } from './global-flags.ts';
import { type ArgumentSpec, flagOf, type OptionSpec } from './parameters.ts';
import { commandNames, families, loadAllCommands, loadCommand } from './registry.ts';

const nothing: Completion = { candidates: [], files: false };

/**
 * @param words the complete words before the cursor, without the name of the program
 * @param current the word at the cursor, as far as it stands before it
 */
export async function completeLine(
  words: readonly string[],
  current: string,
  context: CompletionContext,
): Promise<Completion> {
  const found = await findCommand(words);
  const offered = found ? await offer(found, current, context) : await offerNames(words, current);
  // A command may have others under its name, as log has.
  const under =
    found?.words.length === 0 && !current.startsWith('-') ? await offerNames(words, current) : nothing;
  const all = found ? [...offered.candidates, ...under.candidates] : offered.candidates;
  const candidates = all.filter((candidate) => candidate.value.startsWith(current));
  return { candidates, files: offered.files };
}

interface Found {
  spec: CommandSpec;
  /** What stands behind the name of the command. */
  words: readonly string[];
}

async function findCommand(words: readonly string[]): Promise<Found | null> {
  const at = words.flatMap((word, index) => (word.startsWith('-') ? [] : [index]));
  const [first = -1, second = -1] = at;
  for (const [name, last] of [
    [`${words[first]} ${words[second]}`, second],
    [words[first] ?? '', first],
  ] as const) {
    const spec = commandNames().includes(name) ? await loadCommand(name) : null;
    if (spec) return { spec, words: words.slice(last + 1) };
  }
  return null;
}

async function offerNames(words: readonly string[], current: string): Promise<Completion> {
  if (current.startsWith('-')) return { candidates: globalCandidates(), files: false };
  const [family] = words.filter((word) => !word.startsWith('-'));
  const specs = (await loadAllCommands()).filter((spec) => !spec.hidden);
  if (family !== undefined) {
    const inside = specs.filter((spec) => spec.name.startsWith(`${family} `));
    const candidates = inside.map((spec) => ({
      value: spec.name.slice(family.length + 1),
      about: spec.summary,
    }));
    return { candidates, files: false };
  }
  const single = specs.filter((spec) => !spec.name.includes(' '));
  const candidates = [
    ...single.map((spec) => ({ value: spec.name, about: spec.summary })),
    ...Object.entries(families)
      .filter(([value]) => !single.some(({ name }) => name === value))
      .map(([value, about]) => ({ value, about })),
  ];
  return { candidates, files: false };
}

async function offer(
  { spec, words }: Found,
  current: string,
  context: CompletionContext,
): Promise<Completion> {
  // What stands after -- belongs to the machine or to ssh.
  if (words.includes('--')) return spec.rest ? nothing : offerArgument(spec, words, context);
  const awaiting = optionAwaitingValue(spec, words);
  if (awaiting) return offerValues(awaiting, words, context);
  const assigned = /^(--[a-z-]+)=/.exec(current);
  if (assigned) return offerAssigned(spec, assigned[1] ?? '', words, context);
  if (current.startsWith('-')) return { candidates: optionCandidates(spec, words), files: false };
  return offerArgument(spec, words, context);
}

function findOption(spec: CommandSpec, word: string): OptionSpec | undefined {
  const entry = Object.entries(spec.options).find(
    ([key, option]) => flagOf(key) === word || (option.short !== undefined && `-${option.short}` === word),
  );
  return entry?.[1];
}

function optionAwaitingValue(spec: CommandSpec, words: readonly string[]): OptionSpec | null {
  const last = words.at(-1) ?? '';
  const option = last.startsWith('-') ? findOption(spec, last) : undefined;
  return option?.form === 'value' ? option : null;
}

async function offerAssigned(
  spec: CommandSpec,
  flag: string,
  words: readonly string[],
  context: CompletionContext,
): Promise<Completion> {
  const option = findOption(spec, flag);
  if (!option) return nothing;
  const { candidates } = await offerValues(option, words, context);
  return {
    candidates: candidates.map(({ value, about }) => ({ value: `${flag}=${value}`, about })),
    files: false,
  };
}

async function offerValues(
  parameter: Pick<OptionSpec | ArgumentSpec, 'choices' | 'complete'>,
  words: readonly string[],
  context: CompletionContext,
): Promise<Completion> {
  const fixed = (parameter.choices ?? []).map((value) => ({ value, about: '' }));
  if (parameter.complete === undefined) return { candidates: fixed, files: false };
  const more = await completeValue(parameter.complete, words, context);
  return { candidates: [...fixed, ...more.candidates], files: more.files };
}

async function offerArgument(
  spec: CommandSpec,
  words: readonly string[],
  context: CompletionContext,
): Promise<Completion> {
  const given = argumentsIn(spec, words);
  const specs = Object.values(spec.arguments);
  const last = specs.at(-1);
  const argument = specs[given.length] ?? (last?.variadic ? last : undefined);
  if (!argument) return nothing;
  const { candidates, files } = await offerValues(argument, given, context);
  return { candidates: candidates.filter(({ value }) => !given.includes(value)), files };
}

function argumentsIn(spec: CommandSpec, words: readonly string[]): string[] {
  return words.filter((word, at) => {
    const before = words[at - 1];
    const isValue = before !== undefined && optionAwaitingValue(spec, [before]) !== null;
    return !word.startsWith('-') && !isValue;
  });
}

function optionCandidates(spec: CommandSpec, words: readonly string[]): Candidate[] {
  const own = Object.entries(spec.options).map(([key, option]) => ({
    value: option.form === 'negated' ? flagOf(key).replace(/^--/, '--no-') : flagOf(key),
    about: option.about,
  }));
  const json = spec.json === undefined ? [] : [{ value: '--json', about: jsonAbout }];
  return [...own, ...json, ...globalCandidates()].filter(({ value }) => !words.includes(value));
}

function globalCandidates(): Candidate[] {
  const flags = globalFlags.map(({ flags: written, about }) => ({
    value: written.replace(/^.*, /, ''),
    about,
  }));
  return [...flags, { value: '--help', about: 'show help' }];
}
