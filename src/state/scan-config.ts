import { SpuffError } from '../domain/errors.ts';
import { findToken, isSecretName, looksRandom } from '../lib/token-shapes.ts';

/** Something that should not be in a configuration file. It says where, never what. */
export interface SecretFinding {
  /** "a DigitalOcean token" */
  kind: string;
  /** From 1. */
  line: number;
  column: number;
}

/** `key: value`, also as an item of a list and in a comment. */
const entry = /^(?<lead>\s*(?:#\s*)?(?:-\s+)?["']?)(?<key>[\w.-]{1,64})["']?\s*:\s+(?<value>\S.*)$/;

/**
 * Looks for credentials in the text of a configuration file, valid YAML or not, comments included: known token shapes
 * anywhere, and any value under a key that announces a credential.
 */
export function findSecretInText(text: string): SecretFinding | null {
  for (const [index, line] of text.split('\n').entries()) {
    const token = findToken(line);
    if (token) return { kind: token.kind, line: index + 1, column: token.index + 1 };
    const found = entry.exec(line)?.groups;
    if (!found || !isSecretName(found['key'] ?? '')) continue;
    const isComment = found['lead']?.includes('#') ?? false;
    const [first = ''] = (found['value'] ?? '').split(/\s/);
    if (isComment ? looksRandom(first) : isSecretValue(first)) {
      return {
        kind: `a value for ${found['key']}`,
        line: index + 1,
        column: line.lastIndexOf(found['value'] ?? '') + 1,
      };
    }
  }
  return null;
}

/** A value that was taken apart already, under all its keys; catches what is quoted, escaped, folded or nested. */
export function findSecretInValue(keys: readonly string[], value: unknown): string | null {
  if (value === null || typeof value === 'boolean') return null;
  const token = findToken(String(value));
  if (token) return token.kind;
  const key = keys.find(isSecretName);
  return key === undefined ? null : `a value for ${key}`;
}

/** @param where `config.yaml:4:9` */
export function secretError(where: string, kind: string): SpuffError {
  return new SpuffError(
    'config',
    `${where}: this looks like ${kind}, and a file is no place for a credential`,
    {
      hints: [
        'take it out of the file: spuff reads credentials from the environment only',
        'if others could read the file, or a backup of it, revoke the credential and make a new one',
      ],
    },
  );
}

/** Nothing, a truth value, or the beginning of a block or flow whose content is looked at once it is taken apart. */
function isSecretValue(first: string): boolean {
  return !/^(?:~|null|true|false|yes|no|on|off|[|>][0-9+-]*|[[{#&*!].*|""|'')$/i.test(first);
}
