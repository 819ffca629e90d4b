/**
 * Rules for what stands in a YAML file. Each reads a node, with a problem for whatever is wrong about it, and says the same
 * in JSON Schema (2020-12), so that an editor and spuff never differ.
 */
import type { YAMLMap } from 'yaml';
import { nearest, offsetOf, type Problem, showValue, type Yaml } from './yaml-document.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Reading {
  readonly yaml: Yaml;
  readonly problems: Problem[];
  /** Where each value begins, by its path: `resources.size`, `ports[0]`. */
  readonly offsets: Map<string, number>;
}

export interface Rule<T> {
  readonly schema: JsonSchema;
  /** Nothing (`size:`, `size: null`) is as good as no such line, unless the rule reads that too. */
  readonly readsNothing?: boolean;
  /** @returns null when the node won't do: then there is a problem more */
  read(reading: Reading, node: unknown, path: string): { value: T } | null;
}

type ValueOf<R> = R extends Rule<infer T> ? T : never;

/** A file that is wrong throughout would cost more to explain than to mend. */
const mostProblems = 100;

export function refuse(reading: Reading, node: unknown, message: string, hint?: () => string | null): null {
  if (reading.problems.length >= mostProblems) return null;
  const text = hint?.() ?? null;
  reading.problems.push({ offset: offsetOf(node), message, ...(text !== null && { hint: text }) });
  return null;
}

/** A list. @param spec.distinct what no two items may have in common, in words, and as a text of each */
export function list<T>(
  item: Rule<T>,
  spec: { example: string; distinct?: { what: string; of(value: T): string } },
): Rule<readonly T[]> {
  return {
    schema: { type: 'array', items: item.schema, maxItems: mostItems },
    read: (reading, node, path) => {
      if (!reading.yaml.isSeq(node))
        return refuse(reading, node, `${path}: expected a list, such as ${spec.example}`);
      if (node.items.length > mostItems)
        return refuse(reading, node, `${path}: has more than ${mostItems} items`);
      const seen = new Set<string>();
      const values = node.items.flatMap((one, at) => {
        const found = readAt(reading, item, one, `${path}[${at}]`);
        if (found === null) return [];
        const mark = spec.distinct?.of(found.value) ?? String(at);
        if (seen.has(mark))
          refuse(reading, one, `${path}: ${spec.distinct?.what} ${showValue(mark)} stands twice`);
        seen.add(mark);
        return [found.value];
      });
      return { value: values };
    },
  };
}

const mostItems = 1_000;

/** A map with free names. */
export function record<T>(
  value: Rule<T>,
  spec: { what: string; name: string; expected: string },
): Rule<Readonly<Record<string, T>>> {
  const pattern = new RegExp(spec.name, 'u');
  return {
    schema: {
      type: 'object',
      additionalProperties: value.schema,
      propertyNames: { pattern: spec.name },
      maxProperties: mostItems,
    },
    read: (reading, node, path) => {
      if (!reading.yaml.isMap(node)) return refuse(reading, node, `${path}: expected ${spec.what}`);
      if (node.items.length > mostItems)
        return refuse(reading, node, `${path}: has more than ${mostItems} lines`);
      const entries = node.items.flatMap((pair): [string, T][] => {
        const name = keyOf(reading, pair.key);
        if (name === null || !pattern.test(name)) {
          refuse(reading, pair.key, `${path}: ${showValue(name)} is not ${spec.expected}`);
          return [];
        }
        const found = readAt(reading, value, pair.value ?? pair.key, `${path}.${name}`, pair.value === null);
        return found === null ? [] : [[name, found.value]];
      });
      return { value: Object.fromEntries(entries) };
    },
  };
}

type Fields = Readonly<Record<string, Rule<unknown>>>;
export type ReadFields<F extends Fields> = { [Name in keyof F]?: ValueOf<F[Name]> };

/** A map with settings of known names. @param what "setting of a service" @param required those that have to be there */
export function fields<const F extends Fields>(
  rules: F,
  spec: { what: string; required?: readonly (keyof F & string)[] },
): Rule<ReadFields<F>> {
  const { what, required = [] } = spec;
  const properties = Object.entries(rules).map(([name, rule]) => [name, orNothing(rule)]);
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(properties),
      additionalProperties: false,
      ...(required.length > 0 && { required }),
    },
    read: (reading, node, path) => {
      if (!reading.yaml.isMap(node))
        return refuse(reading, node, `${prefix(path)}expected ${what.replace(/^\w+/, '$&s')}`);
      return { value: readFields(reading, node, { rules, what, required, path }) as ReadFields<F> };
    },
  };
}

function readFields(
  reading: Reading,
  map: YAMLMap,
  of: { rules: Fields; what: string; required: readonly string[]; path: string },
): Record<string, unknown> {
  const { rules, what, required, path } = of;
  const names = Object.keys(rules);
  const read: Record<string, unknown> = {};
  const left = new Set(required);
  for (const { key, value } of map.items) {
    const name = keyOf(reading, key);
    const rule = name !== null && Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (name === null || !rule) {
      refuse(
        reading,
        key,
        `${prefix(path)}there is no ${what} ${showValue(name)}`,
        () => nearest(name, names) ?? `there are: ${names.join(', ')}`,
      );
      continue;
    }
    const isNothing = value === null || (reading.yaml.isScalar(value) && value.value === null);
    if (isNothing && !rule.readsNothing) continue;
    left.delete(name);
    const found = readAt(reading, rule, value ?? key, path === '' ? name : `${path}.${name}`);
    if (found !== null) read[name] = found.value;
  }
  for (const name of left) refuse(reading, map, `${prefix(path)}${name} is missing`);
  return read;
}

/** What is told apart by being a single value, a list or a map. */
export function either<A = never, B = never, C = never>(
  expected: string,
  by: { one?: Rule<A>; list?: Rule<B>; map?: Rule<C> },
): Rule<A | B | C> {
  const rules = [by.one, by.list, by.map].filter((rule) => rule !== undefined);
  return {
    schema: { anyOf: rules.map(({ schema }) => schema) },
    read: (reading, node, path) => {
      const { isMap, isSeq } = reading.yaml;
      const rule = isMap(node) ? by.map : isSeq(node) ? by.list : by.one;
      return (
        rule?.read(reading, node, path) ?? refuseKind(reading, node, rule, `${path}: expected ${expected}`)
      );
    },
  };
}

function refuseKind(reading: Reading, node: unknown, rule: unknown, message: string): null {
  return rule ? null : refuse(reading, node, message);
}

/** The same rule, with a sentence for people who hover over it in an editor. */
export function about<T>(description: string, rule: Rule<T>): Rule<T> {
  return { ...rule, schema: { description, ...rule.schema } };
}

export function mapped<A, B>(rule: Rule<A>, to: (value: A) => B): Rule<B> {
  return {
    ...rule,
    read: (reading, node, path) => {
      const found = rule.read(reading, node, path);
      return found && { value: to(found.value) };
    },
  };
}

function readAt<T>(reading: Reading, rule: Rule<T>, node: unknown, path: string, isKey = false) {
  // What a value stands for elsewhere in the file could be many times as large as the file.
  if (reading.yaml.isAlias(node))
    return refuse(reading, node, `${path}: an alias is not taken, write it out`);
  if (isKey) return refuse(reading, node, `${path}: has no value`);
  reading.offsets.set(path, offsetOf(node));
  return rule.read(reading, node, path);
}

function keyOf({ yaml }: Reading, key: unknown): string | null {
  return yaml.isScalar(key) && typeof key.value === 'string' ? key.value : null;
}

function prefix(path: string): string {
  return path === '' ? '' : `${path}: `;
}

/** As the reader takes a line without a value. */
function orNothing({ schema, readsNothing }: Rule<unknown>): JsonSchema {
  if (readsNothing) return schema;
  const { description, ...rest } = schema;
  return { ...(description !== undefined && { description }), anyOf: [rest, { type: 'null' }] };
}
