/** The files of the guard's policy, as YAML. Whoever has none never loads this. */
import type { Document, YAMLMap } from 'yaml';
import type { GuardFile } from '../domain/guard-policy.ts';
import { findToken } from '../lib/token-shapes.ts';
import { type GuardFileOwner, readGuardMap } from './guard-document.ts';
import { secretError } from './scan-config.ts';
import { offsetOf, type ParsedYaml, parseYaml, type Yaml } from './yaml-document.ts';

export interface GuardYaml {
  document: Document & { contents: YAMLMap };
  file: GuardFile;
}

/** @throws SpuffError `config` */
export function parseUserFile(yaml: Yaml, text: string, path: string): GuardYaml {
  const parsed = parseYaml(yaml, text, path, `mend it in an editor: ${path}`);
  refuseSecrets(text, 0, parsed);
  const { document } = parsed;
  // A file of comments alone, or of `---`.
  if (document.contents === null || (yaml.isScalar(document.contents) && document.contents.value === null)) {
    document.contents = new yaml.YAMLMap() as never;
  }
  const file = readMap(yaml, parsed, document.contents, 'user');
  return { document: document as GuardYaml['document'], file };
}

/**
 * Only what stands under `guard`.
 * @returns null when that is not there
 * @throws SpuffError `config`
 */
export function parseProjectFile(yaml: Yaml, text: string, path: string): GuardFile | null {
  const parsed = parseYaml(yaml, text, path, `mend it in an editor: ${path}`);
  const { contents } = parsed.document;
  if (!yaml.isMap(contents)) return null;
  const node = contents.items.find(({ key }) => yaml.isScalar(key) && key.value === 'guard');
  if (!node) return null;
  const [start, end] = (node.value as { range?: [number, number] } | null)?.range ?? [0, 0];
  refuseSecrets(text.slice(start, end), start, parsed);
  return readMap(yaml, parsed, node.value ?? node.key, 'project');
}

function readMap(yaml: Yaml, parsed: ParsedYaml, node: unknown, owner: GuardFileOwner): GuardFile {
  if (!yaml.isMap(node)) {
    const message = 'expected settings of the guard, of the form key: value';
    throw parsed.toError([{ offset: offsetOf(node), message }]);
  }
  const { file, problems } = readGuardMap(yaml, node, owner);
  if (problems.length > 0) throw parsed.toError(problems);
  return file;
}

/** Comments are looked at too. Public keys can look like a token, so they are covered up. */
function refuseSecrets(text: string, offset: number, parsed: ParsedYaml): void {
  const covered = text.replaceAll(/AAAA[A-Za-z0-9+/]{20,}/g, (key) => '-'.repeat(key.length));
  const token = findToken(covered);
  if (token) throw secretError(parsed.where(offset + token.index), token.kind);
}
