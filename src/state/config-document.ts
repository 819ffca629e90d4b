/** What the YAML of a configuration file says, and everything that is wrong with it. */
import type { Document, YAMLMap } from 'yaml';
import { SpuffError } from '../domain/errors.ts';
import type { Place } from '../domain/project.ts';
import { escapeText } from '../lib/escape.ts';
import { findSecretInText, findSecretInValue, secretError } from './scan-config.ts';
import { findSetting, settingsTable } from './settings-table.ts';
import { nearest, offsetOf, type Problem, parseYaml, textOf, type Yaml } from './yaml-document.ts';

/** One file, taken apart. */
export interface ConfigDocument {
  /** A document whose content is a map, possibly an empty one. */
  document: Document & { contents: YAMLMap };
  /** The text of each value, by key. */
  entries: Map<string, string>;
  /** Where each value stands, by key. */
  places: Map<string, Place>;
  /** @throws SpuffError `config` naming every line that is wrong */
  check(): void;
}

/**
 * Takes a file apart.
 * @throws SpuffError `config` when it holds what looks like a credential, is not YAML, or is not a map
 */
export function parseConfig(yaml: Yaml, text: string, path: string): ConfigDocument {
  const found = findSecretInText(text);
  if (found) throw secretError(`${path}:${found.line}:${found.column}`, found.kind);
  const { document, where, place, toError } = parseYaml(yaml, text, path, 'mend it: spuff config edit');
  refuseSecrets(yaml, document, where);
  // A file of comments alone, or of `---`.
  const { contents } = document;
  if (contents === null || (yaml.isScalar(contents) && contents.value === null)) {
    document.contents = new yaml.YAMLMap() as never;
  }
  if (!yaml.isMap(document.contents)) {
    const message = 'expected lines of the form key: value';
    throw toError([{ offset: offsetOf(document.contents), message }]);
  }
  const { entries, problems } = readEntries(yaml, document.contents);
  const check = () => {
    const all = [...problems, ...checkEntries(document.contents as YAMLMap, entries)];
    if (all.length > 0) throw toError(all);
  };
  const offsets = document.contents.items.map(({ key, value }) => [String(key), offsetOf(value)] as const);
  const places = new Map(offsets.map(([key, offset]) => [key, place(offset)]));
  return { document: document as ConfigDocument['document'], entries, places, check };
}

function readEntries(yaml: Yaml, map: YAMLMap): { entries: Map<string, string>; problems: Problem[] } {
  const entries = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { key, value } of map.items) {
    const text = textOf(yaml, value);
    if (!yaml.isScalar(key) || typeof key.value !== 'string') {
      problems.push({ offset: offsetOf(key), message: 'a key has to be a word' });
    } else if (value === null || (yaml.isScalar(value) && value.value === null)) {
      // `region:` and `region: null` say nothing: the default counts.
    } else if (text !== null) {
      entries.set(key.value, text);
    } else {
      problems.push({ offset: offsetOf(value), message: `${escapeText(key.value)} takes one value` });
    }
  }
  return { entries, problems };
}

function checkEntries(map: YAMLMap, entries: ReadonlyMap<string, string>): Problem[] {
  const problems: Problem[] = [];
  for (const { key, value } of map.items) {
    const name = (key as { value?: unknown }).value;
    if (typeof name !== 'string') continue;
    const spec = findSetting(name);
    if (!spec) problems.push({ offset: offsetOf(key), ...unknownSetting(name) });
    const text = entries.get(name);
    if (!spec || text === undefined) continue;
    try {
      spec.parse(text);
    } catch (error) {
      if (!(error instanceof SpuffError)) throw error;
      problems.push({ offset: offsetOf(value), message: `${name}: ${escapeText(error.message)}` });
    }
  }
  return problems;
}

/** What to say about a key that there is not. */
export function unknownSetting(name: string): { message: string; hint: string } {
  const names = settingsTable.map(({ key }) => key);
  return {
    message: `there is no setting ${JSON.stringify(escapeText(name.slice(0, 60), { singleLine: true }))}`,
    hint: nearest(name, names) ?? `there are: ${names.join(', ')}`,
  };
}

function refuseSecrets(yaml: Yaml, document: Document, where: (offset: number) => string): void {
  yaml.visit(document, {
    Scalar: (position, node, path) => {
      // A key may announce a secret, but is none unless it looks like one.
      const above = position === 'key' ? [] : path;
      const keys = above.flatMap((one) => (yaml.isPair(one) ? [String(one.key)] : []));
      const kind = findSecretInValue(keys, node.value);
      if (kind !== null) throw secretError(where(offsetOf(node)), kind);
    },
  });
}
