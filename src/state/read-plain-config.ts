/** Keys at the margin and values of plain words: what YAML reads in just one way. */
const plainLine =
  /^(?<key>[a-z][a-z_]*): +(?<value>(?:~?\/|[A-Za-z0-9])(?:[\w./+@-]|:(?=[\w./+@-]))*)[ \t]*(?:[ \t]#.*)?$/;
const emptyLine = /^[ \t]*(?:#.*)?$/;

/**
 * Reads a configuration file that holds nothing but plain `key: value` lines and comments, without the YAML library, whose
 * loading costs more than most commands. For such a file the result is that of YAML; numbers and truth values stay text.
 * @returns null for every other file: then YAML has to be asked
 */
export function readPlainConfig(text: string): Map<string, string> | null {
  const entries = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (emptyLine.test(line)) continue;
    const { key, value } = plainLine.exec(line)?.groups ?? {};
    if (key === undefined || value === undefined || entries.has(key) || /^null$/i.test(value)) return null;
    entries.set(key, value);
  }
  // Other control characters are not allowed in YAML.
  return /[^\t\n\r\u0020-\u007e]/.test(text) ? null : entries;
}
