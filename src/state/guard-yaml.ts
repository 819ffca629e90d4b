/** The files of the guard's policy, as YAML. Whoever has none never loads this. */
import type { Document, YAMLMap } from 'yaml';
import type { GuardFile } from '../domain/guard-policy.ts';
import { findToken } from '../lib/token-shapes.ts';
import { readGuardMap } from './guard-document.ts';
import { guardPart } from './guard-rule.ts';
import { parseProject } from './project-document.ts';
import { secretError } from './scan-config.ts';
import { offsetOf, type ParsedYaml, parseYaml, type Yaml } from './yaml-document.ts';

export interface GuardYaml {
  document: Document & { contents: YAMLMap };
  file: GuardFile;
}

/** @throws SpuffError `config` */
export function parseUserFile(yaml: Yaml, text: string, path: string): GuardYaml {
  const parsed = parseYaml(yaml, text, path, `mend it in an editor: ${path}`);
  refuseSecrets(text, parsed);
  const { document } = parsed;
  // A file of comments alone, or of `---`.
  if (document.contents === null || (yaml.isScalar(document.contents) && document.contents.value === null)) {
    document.contents = new yaml.YAMLMap() as never;
  }
  const file = readMap(yaml, parsed, document.contents);
  return { document: document as GuardYaml['document'], file };
}

/**
 * What stands under `guard` of a project's file. What is wrong with the rest of it is for those who use the rest.
 * @returns null when that is not there
 * @throws SpuffError `config` naming what is wrong with the guard, or why the file can't be read at all
 */
export function parseProjectGuard(yaml: Yaml, text: string, path: string): GuardFile | null {
  const { guard, problems, parsed } = parseProject(yaml, text, path);
  const own = problems.filter(({ part }) => part === guardPart);
  if (own.length > 0) throw parsed.toError(own);
  return guard;
}

function readMap(yaml: Yaml, parsed: ParsedYaml, node: unknown): GuardFile {
  if (!yaml.isMap(node)) {
    const message = 'expected settings of the guard, of the form key: value';
    throw parsed.toError([{ offset: offsetOf(node), message }]);
  }
  const { file, problems } = readGuardMap(yaml, node, 'user');
  if (problems.length > 0) throw parsed.toError(problems);
  return file;
}

/** Comments are looked at too. Public keys can look like a token, so they are covered up. */
function refuseSecrets(text: string, parsed: ParsedYaml): void {
  const covered = text.replaceAll(/AAAA[A-Za-z0-9+/]{20,}/g, (key) => '-'.repeat(key.length));
  const token = findToken(covered);
  if (token) throw secretError(parsed.where(token.index), token.kind);
}
