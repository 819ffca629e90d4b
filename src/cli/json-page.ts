import * as z from 'zod/mini';
import { jsonShapes } from './json-shapes.ts';

/** The page docs/json.md, made of the shapes and of what the agent answers, by the names of its routes. */
export function jsonPage(agentAnswers: Readonly<Record<string, z.ZodMiniType>>): string {
  const sections = Object.entries(jsonShapes).flatMap(([name, { about, schema }]) => [
    `## ${name}`,
    '',
    about,
    '',
    ...block(schema),
  ]);
  const answers = Object.entries(agentAnswers).flatMap(([name, schema]) => [
    `### ${name}`,
    '',
    ...block(schema),
  ]);
  return [
    '# JSON',
    '',
    '<!-- Made from src/cli/json-shapes.ts by its test: npx vitest run src/cli/json-shapes.test.ts -u -->',
    '',
    'A command with `--json` prints one object on one line of standard output, or one a line where it goes on (`--watch`,',
    '`--follow`). An error is one object, the last line on standard error, and the exit status is that of its code; what was printed on',
    'standard output before it is valid all the same.',
    '',
    'Every object has `version` 1. Within a version fields are only added: ignore what you do not know. Sizes are bytes,',
    'lengths of time are in the unit that their name ends in. Nothing secret is ever in it. Characters that a terminal',
    'would act on are written as `\\u` escapes, which changes nothing for a JSON parser.',
    '',
    'The shapes are written as TypeScript types; `Time` is a string, ISO 8601 in UTC.',
    '',
    ...sections,
    '## Answers of the agent',
    '',
    'What the shapes above call `Record<string, unknown>` is what the agent answered. Shares are from 0 to 1.',
    '',
    ...answers,
  ].join('\n');
}

function block(schema: z.ZodMiniType): string[] {
  // What the agent sends may have more fields; what is printed has these.
  return ['```ts', describe(z.toJSONSchema(schema, { io: 'output' }) as JsonSchema, ''), '```', ''];
}

/** As much of JSON Schema 2020-12 as the shapes use. */
interface JsonSchema {
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  format?: string;
  type?: string | readonly string[];
  items?: JsonSchema;
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
}

/** A JSON Schema as a TypeScript type. */
function describe(schema: JsonSchema, indent: string): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((choice) => describe(choice, indent)).join(' | ');
  if (schema.format === 'date-time') return 'Time';
  if (schema.type === 'array') return describeArray(schema, indent);
  if (schema.type === 'object') return describeObject(schema, indent);
  return [schema.type ?? 'unknown'].flat().join(' | ');
}

function describeArray({ items = {} }: JsonSchema, indent: string): string {
  const item = describe(items, indent);
  return item.includes(' | ') && !item.startsWith('{') ? `(${item})[]` : `${item}[]`;
}

function describeObject({ properties, required = [] }: JsonSchema, indent: string): string {
  if (!properties) return 'Record<string, unknown>';
  const inner = `${indent}  `;
  const fields = Object.entries(properties).map(
    ([name, value]) => `${inner}${name}${required.includes(name) ? '' : '?'}: ${describe(value, inner)};`,
  );
  const oneLine = `{ ${fields.map((field) => field.trim().replace(/;$/, '')).join('; ')} }`;
  if (!oneLine.includes('\n') && oneLine.length + indent.length < 90) return oneLine;
  return `{\n${fields.join('\n')}\n${indent}}`;
}
