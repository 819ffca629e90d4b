import { redactSecretValues } from '../domain/secret.ts';
import { isSecretName, redactShapes, redactTokens } from './token-shapes.ts';

const redacted = '[redacted]';

/** Takes out of text every Secret in use and whatever looks like a credential: for what is written down or sent away. */
export function scrubText(text: string): string {
  return redactTokens(redactSecretValues(text));
}

/**
 * One line of JSON of a value, without a secret in it: each string is scrubbed, each field whose name announces a
 * credential is blanked at any depth, and the line as a whole is searched once more. Never throws: what JSON can't hold
 * is described.
 */
export function serializeScrubbed(value: unknown): string {
  let line: string;
  try {
    line = JSON.stringify(describe(value, '', 0, [])) ?? 'null';
  } catch (error) {
    line = JSON.stringify(`[not serializable: ${error instanceof Error ? error.name : typeof error}]`);
  }
  return redactShapes(redactSecretValues(line));
}

/** What is looked at of a string, and what is kept of it: the first is longer, so that no secret is cut in two. */
const readCharacters = 32_768;
const keptCharacters = 8_192;

function scrubLong(text: string): string {
  const clean = scrubText(text.slice(0, readCharacters));
  if (clean.length <= keptCharacters && text.length <= readCharacters) return clean;
  return `${clean.slice(0, keptCharacters)}[cut: ${text.length} characters]`;
}

const deepest = 8;
const mostEntries = 200;

function describe(value: unknown, name: string, depth: number, above: readonly object[]): unknown {
  if (name !== '' && isSecretName(name) && value !== null && value !== undefined) return redacted;
  if (typeof value === 'string') return scrubLong(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return value.toString();
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) return '[circular]';
  if (depth >= deepest) return '[deeper]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Map) return describe(Object.fromEntries(value), name, depth, above);
  if (value instanceof Set) return describe([...value], name, depth, above);
  const path = [...above, value];
  if (Array.isArray(value)) {
    return value.slice(0, mostEntries).map((item) => describe(item, '', depth + 1, path));
  }
  if (value instanceof Error) return describeError(value, depth, path);
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return describe(value.toJSON(), name, depth + 1, path);
  }
  const entries = Object.entries(value).slice(0, mostEntries);
  return Object.fromEntries(entries.map(([key, item]) => [key, describe(item, key, depth + 1, path)]));
}

function describeError(error: Error, depth: number, path: readonly object[]): unknown {
  const fields = {
    ...error,
    name: error.name,
    message: error.message,
    stack: error.stack,
    cause: error.cause,
  };
  return Object.fromEntries(
    Object.entries(fields).map(([key, item]) => [key, describe(item, key, depth + 1, path)]),
  );
}
