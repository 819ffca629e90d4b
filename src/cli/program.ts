/** The commander program, built from the commands' data. */
import { Argument, Command, type Help, Option } from 'commander';
import type { CommandSpec } from './command.ts';
import { globalFlags, jsonAbout } from './global-flags.ts';
import { type ArgumentSpec, flagOf, type OptionSpec } from './parameters.ts';
import type { ParsedLine } from './parsed-line.ts';
import { commandGroups, families } from './registry.ts';
import { wrapText } from './render/text.ts';

export interface ProgramOptions {
  /** Commands that are known in full. The others are only names, good for finding the nearest one. */
  readonly loaded: ReadonlyMap<string, CommandSpec>;
  readonly columns: number;
  readonly bold: (text: string) => string;
  /** Gets the help that was asked for. */
  readonly onHelp: (text: string) => void;
  /** Gets what commander says about an error, before it throws. */
  readonly onError: (text: string) => void;
  /** Called when a command line is complete. */
  readonly onCommand: (spec: CommandSpec, parsed: ParsedLine) => void;
}

/** @throws CommanderError from `parse`, always: nothing in it exits */
export function buildProgram(options: ProgramOptions): Command {
  const program = new Command('spuff');
  program
    .description('Ephemeral development machines: one command up, nothing left behind.')
    .exitOverride()
    .configureOutput({
      writeOut: options.onHelp,
      writeErr: options.onError,
      getOutHelpWidth: () => options.columns,
    })
    .configureHelp(helpStyle(options))
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .version('', '-V, --version', 'show the version');
  for (const spec of globalFlags) program.addOption(new Option(spec.flags, spec.about));
  for (const group of commandGroups) {
    for (const name of Object.keys(group.commands)) {
      addCommand(program, { name, title: `${group.title}:`, spec: options.loaded.get(name) }, options);
    }
  }
  program.addHelpText('after', '\nMore about a command: spuff COMMAND --help');
  return program;
}

/** Subcommands inherit it. */
function helpStyle({ bold, columns }: ProgramOptions): Partial<Help> {
  return {
    helpWidth: columns,
    styleTitle: bold,
    visibleCommands: (command) => command.commands.filter((child) => child.summary() !== ''),
    // Placeholders are in capitals; brackets are left to what may be left out.
    optionTerm: (option) => option.flags.replaceAll(/[<>]/g, ''),
    subcommandTerm: (command) =>
      `${command.name()} ${command.usage()}`.replace(' [options]', '').replace(' [command]', ''),
  };
}

function descriptionOf(spec: CommandSpec, columns: number): string {
  const paragraphs = (spec.details ?? []).map((text) =>
    text.startsWith(' ') ? text : wrapText(text, columns),
  );
  return [`${capitalise(spec.summary)}.`, ...paragraphs].join('\n\n');
}

interface Entry {
  name: string;
  title: string;
  spec: CommandSpec | undefined;
}

function addCommand(program: Command, entry: Entry, options: ProgramOptions): void {
  const [first = '', second] = entry.name.split(' ');
  const parent = second === undefined ? program : findFamily(program, first, entry.title);
  const command = parent.command(second ?? first);
  if (second === undefined) command.helpGroup(entry.title);
  command.summary(entry.spec?.hidden ? '' : (entry.spec?.summary ?? entry.name));
  if (entry.spec) describeCommand(command, entry.spec, program, options);
}

function findFamily(program: Command, name: string, title: string): Command {
  const known = program.commands.find((command) => command.name() === name);
  if (known) return known;
  const about = families[name] ?? '';
  return program
    .command(name)
    .helpGroup(title)
    .summary(about)
    .description(`${capitalise(about)}.`)
    .helpCommand(false)
    .addHelpText('after', `\nMore about one: spuff ${name} COMMAND --help`);
}

function describeCommand(
  command: Command,
  spec: CommandSpec,
  program: Command,
  options: ProgramOptions,
): void {
  command.description(descriptionOf(spec, options.columns)).usage(usageOf(spec));
  for (const argument of Object.values(spec.arguments)) command.addArgument(toArgument(argument));
  if (spec.rest)
    command.addHelpText(
      'after',
      `\n${options.bold('After --:')}\n  ${spec.rest.placeholder}  ${spec.rest.about}`,
    );
  for (const [key, option] of Object.entries(spec.options)) command.addOption(toOption(key, option));
  if (spec.json !== undefined) command.option('--json', jsonAbout);
  const examples = spec.examples.map((example) => `  ${example.command}\n      ${example.about}`);
  command.addHelpText('after', `\n${options.bold('Examples:')}\n${examples.join('\n')}`);
  command.addHelpText(
    'after',
    '\nEvery command takes --quiet, --verbose, --no-color and --no-input too: spuff --help',
  );
  command.action(() => {
    options.onCommand(spec, { words: command.args, options: command.opts(), globals: program.opts() });
  });
}

/** What follows the command's name in its synopsis. */
export function usageOf(spec: CommandSpec): string {
  const words = ['[options]', ...Object.values(spec.arguments).map(argumentUsage)];
  if (spec.rest)
    words.push(spec.rest.required ? `-- ${spec.rest.placeholder}` : `[-- ${spec.rest.placeholder}]`);
  return words.join(' ');
}

function argumentUsage(argument: ArgumentSpec): string {
  const name = `${argument.placeholder}${argument.variadic ? '...' : ''}`;
  return argument.required ? name : `[${name}]`;
}

function toArgument(spec: ArgumentSpec): Argument {
  const name = `${spec.placeholder}${spec.variadic ? '...' : ''}`;
  const argument = new Argument(spec.required ? `<${name}>` : `[${name}]`, spec.about);
  return spec.choices ? argument.choices(spec.choices) : argument;
}

function toOption(key: string, spec: OptionSpec): Option {
  const option = new Option(optionFlags(key, spec), spec.about);
  return spec.choices ? option.choices(spec.choices) : option;
}

/** As it stands in help: `-f, --force`, `--size <SIZE>`, `--no-connect`. */
export function optionFlags(key: string, spec: OptionSpec): string {
  const long = spec.form === 'negated' ? flagOf(key).replace(/^--/, '--no-') : flagOf(key);
  const value = {
    flag: '',
    negated: '',
    value: ` <${spec.placeholder}>`,
    'optional-value': ` [${spec.placeholder}]`,
  };
  return `${spec.short === undefined ? '' : `-${spec.short}, `}${long}${value[spec.form]}`;
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `--snapshot` becomes `--snapshot=`: else commander would take the next word for its value, and a name is no snapshot's. */
export function closeOptionalValues(words: readonly string[], specs: readonly CommandSpec[]): string[] {
  const open = specs.flatMap(({ options }) =>
    Object.entries(options).flatMap(([key, { form }]) => (form === 'optional-value' ? [flagOf(key)] : [])),
  );
  return words.map((word) => (open.includes(word) ? `${word}=` : word));
}
