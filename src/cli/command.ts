import type { Cli } from './cli.ts';
import type { ArgumentSpec, OptionSpec } from './parameters.ts';

export interface Example {
  /** A whole command line, beginning with `spuff`. */
  command: string;
  about: string;
}

export type OptionMap = Readonly<Record<string, OptionSpec>>;
export type ArgumentMap = Readonly<Record<string, ArgumentSpec>>;

/** What may stand after `--`: taken as it is. */
export interface RestSpec {
  readonly placeholder: string;
  readonly about: string;
  readonly required: boolean;
}

type ValuesOf<Map> = {
  readonly [Key in keyof Map]: Map[Key] extends { read(...args: never[]): infer T } ? T : never;
};

export interface CommandInput<Arguments = ArgumentMap, Options = OptionMap> {
  readonly arguments: ValuesOf<Arguments>;
  readonly options: ValuesOf<Options>;
  /** What stood after `--`; undefined when there was no `--`. */
  readonly rest: readonly string[] | undefined;
}

/** One verb. Parsing, help, completion and docs/commands.md are all made from this. */
export interface CommandSpec<
  Arguments extends ArgumentMap = ArgumentMap,
  Options extends OptionMap = OptionMap,
> {
  /** As it is typed: `up`, `snapshot create`. */
  readonly name: string;
  /** One line, beginning with a small letter, without a full stop. */
  readonly summary: string;
  /** More to know, for `--help` and the documentation: paragraphs. One that begins with a space is laid out by hand. */
  readonly details?: readonly string[];
  /** In the order in which they are typed. */
  readonly arguments: Arguments;
  /** Keys in camel case; see `flagOf`. */
  readonly options: Options;
  readonly rest?: RestSpec;
  readonly examples: readonly Example[];
  /** The shape that `--json` prints, as docs/json.md names it. A command without one has no `--json`. */
  readonly json?: string;
  /** What Ctrl-C means for what was begun, where it means something. */
  readonly onStop?: string;
  /** Left out of help and documentation. */
  readonly hidden?: boolean;
  /**
   * @returns the exit status where it is not 0
   * @throws SpuffError
   */
  run(input: CommandInput<Arguments, Options>, cli: Cli): Promise<number | undefined> | Promise<void>;
}

/** Checks a command against its own options, and forgets their types: the registry holds commands of all kinds. */
export function defineCommand<const Arguments extends ArgumentMap, const Options extends OptionMap>(
  spec: CommandSpec<Arguments, Options>,
): CommandSpec {
  return spec as unknown as CommandSpec;
}
