/** Parsers of text, as what is fuzzed. */
import { SpuffError } from '../../src/domain/errors.ts';
import { mutateJson } from './mutate.ts';
import type { FuzzTarget } from './run-fuzz.ts';

/** For a parser that gives null for what it does not take. */
export function orRefuse(value: unknown): void {
  if (value === null) throw new SpuffError('usage', 'refused');
}

export function textTarget(name: string, parse: (text: string) => unknown): FuzzTarget {
  return { name, parse: (input) => parse(input.toString('utf8')) };
}

export function jsonTarget(name: string, parse: (text: string) => unknown): FuzzTarget {
  return { ...textTarget(name, parse), mutate: mutateJson };
}
