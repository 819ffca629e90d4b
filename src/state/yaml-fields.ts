/** Reads the values of a YAML file of the user's: what is right comes back, what is wrong is collected. */
import type { YAMLMap } from 'yaml';
import { parseDurationMs } from '../domain/duration.ts';
import { SpuffError } from '../domain/errors.ts';
import { nearest, offsetOf, type Problem, showValue, textOf, type Yaml } from './yaml-document.ts';

export interface Reading {
  yaml: Yaml;
  problems: Problem[];
}

/** The nodes of the known keys; the others are problems. */
export function readFields(
  reading: Reading,
  map: YAMLMap,
  what: string,
  names: readonly string[],
): Map<string, unknown> {
  const nodes = new Map<string, unknown>();
  for (const { key, value } of map.items) {
    const name = textOf(reading.yaml, key);
    if (name !== null && names.includes(name)) {
      nodes.set(name, value ?? key);
      continue;
    }
    reading.problems.push({
      offset: offsetOf(key),
      message: `there is no ${what} ${showValue(name)}`,
      hint: nearest(name, names) ?? `there are: ${names.join(', ')}`,
    });
  }
  return nodes;
}

export function readDuration(
  reading: Reading,
  node: unknown,
  name: string,
  longestMs: number,
  longest: string,
): number | null {
  const expected = `a length of time such as 30s or 2h, at most ${longest}`;
  return readText(reading, node, name, expected, (text) => {
    try {
      const ms = parseDurationMs(text, name);
      return ms <= longestMs ? ms : null;
    } catch (error) {
      if (error instanceof SpuffError) return null;
      throw error;
    }
  });
}

export function readChoice<Choice extends string>(
  reading: Reading,
  node: unknown,
  name: string,
  choices: readonly Choice[],
): Choice | null {
  const text = textOf(reading.yaml, node);
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  const hint = nearest(text, choices);
  const hints = hint === null ? [] : [hint];
  return refuse(reading, node, `${name}: ${showValue(text)} is not one of ${choices.join(', ')}`, hints);
}

export function readList<T>(
  reading: Reading,
  node: unknown,
  name: string,
  readItem: (reading: Reading, node: unknown) => T | null,
): T[] | null {
  if (!reading.yaml.isSeq(node)) return refuse(reading, node, `${name}: expected a list, such as [a, b]`);
  return node.items.flatMap((item) => {
    const value = readItem(reading, item);
    return value === null ? [] : [value];
  });
}

export function readText<T>(
  reading: Reading,
  node: unknown,
  name: string,
  expected: string,
  parse: (text: string) => T | null,
): T | null {
  const text = textOf(reading.yaml, node);
  const value = text === null ? null : parse(text);
  return value ?? refuse(reading, node, `${name}: ${showValue(text)} is not ${expected}`);
}

export function refuse(
  reading: Reading,
  node: unknown,
  message: string,
  hints: readonly string[] = [],
): null {
  const [hint] = hints;
  reading.problems.push({ offset: offsetOf(node), message, ...(hint !== undefined && { hint }) });
  return null;
}
