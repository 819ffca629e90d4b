/** Where the policy of the guard is written: the user's `guard.yaml`, and `spuff.yaml` of a project. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Document, YAMLMap } from 'yaml';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { GuardPolicy } from '../domain/guard.ts';
import { type GuardFile, resolvePolicy } from '../domain/guard-policy.ts';
import { readPrivateFile, toFileError } from '../lib/atomic-file.ts';
import { findToken } from '../lib/token-shapes.ts';
import { type GuardFileOwner, readGuardMap } from './guard-document.ts';
import { secretError } from './scan-config.ts';
import { maxConfigBytes } from './settings.ts';
import { offsetOf, type ParsedYaml, parseYaml, type Yaml } from './yaml-document.ts';

const projectFileNames = ['spuff.yaml', 'spuff.yml'];
const maxProjectBytes = 1024 * 1024;

export function guardFilePath(home: string): string {
  return join(home, 'guard.yaml');
}

/**
 * The policy for sessions of an instance that belongs to `directory`. Without files nothing is loaded or made.
 * @throws SpuffError `config` naming file, line and column of everything that is wrong; `permission` when the user's file
 * is a link or someone else's (one that others could read is made private); `state` when a file can't be read
 */
export async function readGuardPolicy(place: { home: string; directory: string }): Promise<GuardPolicy> {
  const userPath = guardFilePath(place.home);
  const userText = readPrivateFile(userPath, maxConfigBytes);
  const projectPath = findProjectFile(place.directory);
  const yaml = userText === null && projectPath === null ? null : await import('yaml');
  const user = yaml && userText !== null ? parseUserFile(yaml, userText, userPath).file : null;
  const project = yaml && projectPath !== null ? readProjectFile(yaml, projectPath) : null;
  return resolvePolicy(user, project);
}

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
  return {
    document: document as GuardYaml['document'],
    file: readMap(yaml, parsed, document.contents, 'user'),
  };
}

/** Only what stands under `guard`; null when that says nothing. */
function readProjectFile(yaml: Yaml, path: string): GuardFile | null {
  const text = readProjectText(path);
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

/**
 * `spuff.yaml` or `spuff.yml` in a directory or the nearest one above it that has one.
 * @throws SpuffError `config` when there are both, `permission` when a directory can't be looked into
 */
export function findProjectFile(directory: string): string | null {
  const start = resolve(directory);
  for (let at = start; ; at = dirname(at)) {
    const [first, second] = projectFileNames.map((name) => join(at, name)).filter(isThere);
    if (first !== undefined && second !== undefined) {
      throw new SpuffError('config', `there are ${first} and ${second}`, {
        hints: ['keep one of them: which one counts would be a guess'],
      });
    }
    if (first !== undefined) return first;
    if (dirname(at) === at) return null;
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // The directory may be gone, or a file by now.
    if (systemErrorCode(error) === 'ENOTDIR') return false;
    throw toFileError(error, `look for ${path}`);
  }
}

/** A file of the project: it may be a link and be open to others, as all of the project's may. */
function readProjectText(path: string): string {
  try {
    // Without O_NONBLOCK a named pipe in its place would wait for ever.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (stat.isFile() && stat.size <= maxProjectBytes) return readFileSync(fd, 'utf8');
      throw new SpuffError('config', `${path} is ${stat.isFile() ? 'too large' : 'not a file'}`, {
        hints: ['look at what it is: it should be a short text'],
      });
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw toFileError(error, `read ${path}`);
  }
}
