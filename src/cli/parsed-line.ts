/** What stands on a line, before the command's own data turns it into values. */
export interface ParsedLine {
  /** Arguments, without the name of the command. */
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly globals: Readonly<Record<string, boolean | undefined>>;
}
