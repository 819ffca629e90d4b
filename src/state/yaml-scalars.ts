/** Rules for single values in a YAML file. */
import { SpuffError } from '../domain/errors.ts';
import { nearest, showValue, textOf } from './yaml-document.ts';
import { type Rule, refuse } from './yaml-rules.ts';

interface TextSpec {
  expected: string;
  pattern: string;
  longest?: number;
  plain?: boolean;
}

/**
 * A text.
 * @param spec.pattern what all of it has to match, for JSON Schema too
 * @param spec.parse null, or a SpuffError, for a text that won't do all the same
 * @param spec.plain numbers and truth values are texts as well, as they are written
 */
export function text<T>(spec: TextSpec & { parse: (text: string) => T | null }): Rule<T>;
export function text(spec: TextSpec): Rule<string>;
export function text<T>(spec: TextSpec & { parse?: (text: string) => T | null }): Rule<T> {
  const { expected, parse, longest = 1_000 } = spec;
  const pattern = new RegExp(spec.pattern, 'u');
  const take = (written: string): T | null => {
    if (written.length > longest || !pattern.test(written)) return null;
    return parse ? orNull(() => parse(written)) : (written as T);
  };
  const type = spec.plain ? ['string', 'number', 'boolean'] : 'string';
  return {
    schema: { type, pattern: spec.pattern, maxLength: longest },
    read: (reading, node, path) => {
      const written = textOf(reading.yaml, node);
      const isText = reading.yaml.isScalar(node) && (spec.plain || typeof node.value === 'string');
      const value = written !== null && isText ? take(written) : null;
      if (value !== null) return { value };
      const quote = () =>
        written !== null && !isText && take(written) !== null ? `put it in quotes: "${written}"` : null;
      return refuse(reading, node, `${path}: ${showValue(written)} is not ${expected}`, quote);
    },
  };
}

/** One of several words. */
export function choice<Choice extends string>(choices: readonly Choice[]): Rule<Choice> {
  return {
    schema: { enum: choices },
    read: (reading, node, path) => {
      const written = textOf(reading.yaml, node);
      const found = choices.find((one) => one === written);
      if (found !== undefined && reading.yaml.isScalar(node) && node.value === written)
        return { value: found };
      const message = `${path}: ${showValue(written)} is not one of ${choices.join(', ')}`;
      return refuse(reading, node, message, () => nearest(written, choices));
    },
  };
}

/** One of several names, which are too many to list in each message. */
export function known<T>(rule: Rule<T>, what: string, names: readonly string[]): Rule<T> {
  return {
    schema: rule.schema,
    read: (reading, node, path) => {
      const before = reading.problems.length;
      const found = rule.read(reading, node, path);
      const written = textOf(reading.yaml, node);
      if (found !== null || written === null || reading.problems.length === before) return found;
      reading.problems.length = before;
      const [name = ''] = written.split('@');
      if (names.includes(name)) return refuse(reading, node, `${path}: ${showValue(written)} has no version`);
      const message = `${path}: there is no ${what} ${showValue(name)}`;
      return refuse(reading, node, message, () => nearest(name, names) ?? `there are: ${names.join(', ')}`);
    },
  };
}

export const truth: Rule<boolean> = {
  schema: { type: 'boolean' },
  read: (reading, node, path) => {
    if (reading.yaml.isScalar(node) && typeof node.value === 'boolean') return { value: node.value };
    return refuse(reading, node, `${path}: ${showValue(textOf(reading.yaml, node))} is not true or false`);
  },
};

export function wholeNumber(least: number, most: number, expected: string): Rule<number> {
  return {
    schema: { type: 'integer', minimum: least, maximum: most },
    read: (reading, node, path) => {
      const value = reading.yaml.isScalar(node) ? node.value : null;
      const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
      if (fits) return { value };
      return refuse(reading, node, `${path}: ${showValue(textOf(reading.yaml, node))} is not ${expected}`);
    },
  };
}

function orNull<T>(parse: () => T | null): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SpuffError) return null;
    throw error;
  }
}
