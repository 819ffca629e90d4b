/**
 * Holds requests and answers to an official API description (OpenAPI 3.0). The descriptions are not part of the project:
 * `SPUFF_SPECS` names their folder, else `shared/specs` beside the checkout; where they are absent nothing can be held to them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ajv, ValidateFunction } from 'ajv';
import draft04 from 'ajv-draft-04';
import { parse } from 'yaml';

type Json = Record<string, unknown>;

export interface Exchange {
  method: string;
  /** Without the query, and as the description writes it: with `/v2` for DigitalOcean, without `/v1` for Hetzner. */
  path: string;
  query: URLSearchParams;
  requestBody: string;
  status: number;
  answerBody: string;
}

const folder = process.env['SPUFF_SPECS'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'specs');

/** null where the description is not to be had. */
export function loadDescription(file: string): ApiDescription | null {
  const path = join(folder, file);
  if (!existsSync(path)) return null;
  const text = readFileSync(path, 'utf8');
  return new ApiDescription((file.endsWith('.json') ? JSON.parse(text) : parse(text)) as Json);
}

export class ApiDescription {
  readonly #document: Json;
  readonly #ajv: Ajv;
  readonly #compiled = new Map<string, ValidateFunction>();
  readonly #templates: { template: string; pattern: RegExp }[];

  constructor(document: Json) {
    this.#document = withoutExamples(document);
    // OpenAPI 3.0 writes `exclusiveMinimum: true` as draft 4 did, and `nullable`, which Ajv knows.
    this.#ajv = new draft04.default({
      strict: false,
      validateFormats: false,
      allErrors: true,
      // Patterns are written for engines that let any character be escaped.
      unicodeRegExp: false,
    }) as unknown as Ajv;
    this.#ajv.addSchema(this.#document, 'api');
    this.#templates = Object.keys(document['paths'] as Json)
      // A literal path before one with a placeholder in its place.
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((template) => ({
        template,
        pattern: new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`),
      }));
  }

  /** What of an exchange breaks the description, a line each. `undeclared` lists `METHOD template status` that may occur all the same. */
  findFaults(exchange: Exchange, undeclared: readonly string[] = []): string[] {
    const { method, path, status } = exchange;
    const template = this.#templates.find(({ pattern }) => pattern.test(path))?.template;
    const at = ['paths', template ?? '', method.toLowerCase()];
    const operation = template === undefined ? undefined : this.#read(at);
    if (operation === undefined) {
      return status === 404 || status === 405
        ? []
        : [`${method} ${path}: no such operation, and yet ${status}`];
    }
    const name = `${method} ${template}`;
    // A description may declare a whole range, such as `4XX`.
    const declared = [String(status), `${Math.floor(status / 100)}XX`].find(
      (one) => this.#read([...at, 'responses', one]) !== undefined,
    );
    const answer = declared
      ? this.#faultsIn([...at, 'responses', declared], exchange.answerBody, `${name} answer ${status}`)
      : undeclared.includes(`${name} ${status}`) || undeclared.includes(`* ${status}`)
        ? []
        : [`${name}: status ${status} is not declared`];
    // What the API refused need not have been well formed.
    const request = status < 300 ? this.#requestFaults(at, exchange, name) : [];
    return [...request, ...answer];
  }

  #requestFaults(at: readonly string[], exchange: Exchange, name: string): string[] {
    const parameters = [
      ...this.#parameters([...at.slice(0, 2), 'parameters']),
      ...this.#parameters([...at, 'parameters']),
    ];
    const known = parameters
      .filter((parameter) => parameter['in'] === 'query')
      .map((parameter) => parameter['name']);
    const unknown = [...exchange.query.keys()].filter(
      (key) => !known.includes(key) && !known.includes(`${key}[]`),
    );
    const body =
      this.#read([...at, 'requestBody']) === undefined
        ? []
        : this.#faultsIn([...at, 'requestBody'], exchange.requestBody, `${name} request`);
    return [...unknown.map((key) => `${name}: the query parameter ${key} is not declared`), ...body];
  }

  #parameters(at: readonly string[]): Json[] {
    const list = this.#read(at);
    return Array.isArray(list) ? list.map((_, index) => this.#read([...at, String(index)]) as Json) : [];
  }

  #faultsIn(at: readonly string[], body: string, name: string): string[] {
    const place = [...this.#place(at), 'content', 'application/json', 'schema'];
    if (this.#read(place) === undefined) return body === '' ? [] : [`${name}: a body where none is declared`];
    let value: unknown;
    try {
      value = body === '' ? {} : JSON.parse(body);
    } catch {
      return [`${name}: no JSON`];
    }
    const pointer = this.#place(place)
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = this.#compiled.get(pointer) ?? this.#ajv.compile({ $ref: `api#/${pointer}` });
    this.#compiled.set(pointer, validate);
    if (validate(value)) return [];
    return (validate.errors ?? [])
      .slice(0, 5)
      .map(
        (error) => `${name}: ${error.instancePath || '/'} ${error.message} ${JSON.stringify(error.params)}`,
      );
  }

  /** Follows references on the way, so that a pointer names the thing itself. */
  #place(at: readonly string[]): string[] {
    let place: string[] = [];
    for (const part of at) {
      place = [...place, part];
      for (let value = walk(this.#document, place); isReference(value); value = walk(this.#document, place)) {
        place = value.$ref
          .replace('#/', '')
          .split('/')
          .map((name) => decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~'));
      }
    }
    return place;
  }

  #read(at: readonly string[]): unknown {
    return walk(this.#document, this.#place(at));
  }
}

/** An `id` in an example would be taken for that of a schema. */
function withoutExamples(document: Json): Json {
  const text = JSON.stringify(document, (key, value: unknown) =>
    key === 'example' || key === 'examples' ? undefined : value,
  );
  return JSON.parse(text) as Json;
}

function walk(document: unknown, place: readonly string[]): unknown {
  return place.reduce<unknown>((value, part) => {
    return typeof value === 'object' && value !== null ? (value as Json)[part] : undefined;
  }, document);
}

function isReference(value: unknown): value is { $ref: string } {
  return typeof value === 'object' && value !== null && '$ref' in value && typeof value.$ref === 'string';
}
