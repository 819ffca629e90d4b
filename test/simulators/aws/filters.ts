import type { Tags } from './cloud-state.ts';
import { AwsFault } from './fault.ts';
import { matchesAny, nodesIn, type Params, textIn, textsIn, type Xml } from './wire.ts';

/** Whether a thing passes all filters of a request; `fields` are those that it has besides tags. */
export function passes(
  params: Params,
  tags: Tags,
  fields: Readonly<Record<string, string | undefined>>,
): boolean {
  return nodesIn(params, 'Filter').every((filter) => {
    const name = textIn(filter, 'Name') ?? '';
    const values = textsIn(filter, 'Value');
    if (values.length === 0) throw new AwsFault('InvalidParameterValue', 'The filter has no values');
    if (name === 'tag-key') return Object.keys(tags).some((key) => matchesAny(values, key));
    if (name.startsWith('tag:')) return matchesAny(values, tags[name.slice(4)]);
    if (!Object.hasOwn(fields, name))
      throw new AwsFault('InvalidParameterValue', `The filter '${name}' is invalid`);
    return matchesAny(values, fields[name]);
  });
}

const pages = new Map<string, number>();

/** One page of a list. A token is good for the same question only. */
export function pageOf<T>(
  params: Params,
  all: readonly T[],
  most = 1_000,
): { page: T[]; nextToken?: string } {
  const asked = textIn(params, 'MaxResults');
  const size = Math.min(most, asked === undefined ? most : Number(asked));
  if (!(size >= 5)) throw new AwsFault('InvalidParameterValue', 'Value for maxResults must be 5 or more');
  const token = textIn(params, 'NextToken');
  const from = token === undefined ? 0 : pages.get(token);
  if (from === undefined) throw new AwsFault('InvalidParameterValue', 'The NextToken is not valid');
  if (from + size >= all.length) return { page: all.slice(from) };
  const nextToken = Buffer.from(`${Math.random()} ${from + size}`).toString('base64');
  pages.set(nextToken, from + size);
  return { page: all.slice(from, from + size), nextToken };
}

export function tagSet(tags: Tags): Xml {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

/** The tags that a request gives to what it makes of one type. */
export function tagsFor(params: Params, type: string): Tags {
  const tags: Tags = {};
  for (const specification of nodesIn(params, 'TagSpecification')) {
    if (textIn(specification, 'ResourceType') !== type) continue;
    Object.assign(tags, readTags(specification));
  }
  return tags;
}

export function readTags(params: Params): Tags {
  const tags: Tags = {};
  for (const one of nodesIn(params, 'Tag')) {
    const key = textIn(one, 'Key') ?? '';
    const value = textIn(one, 'Value') ?? '';
    if (key === '' || key.length > 127 || /^aws:/i.test(key) || value.length > 255)
      throw new AwsFault('InvalidParameterValue', `Tag ${key} is not valid`);
    tags[key] = value;
  }
  if (Object.keys(tags).length > 50) throw new AwsFault('TagLimitExceeded', 'There are too many tags');
  return tags;
}

export function required(params: Params, name: string): string {
  const value = textIn(params, name);
  if (value !== undefined && value !== '') return value;
  throw new AwsFault('MissingParameter', `The request must contain the parameter ${name}`);
}

/** The ids that a request names, each of its form. */
export function idsIn(params: Params, name: string, prefix: string, what: string): string[] {
  const ids = textsIn(params, name);
  const bad = ids.find((id) => !new RegExp(`^${prefix}-[0-9a-f]{8,17}$`).test(id));
  if (bad === undefined) return ids;
  throw new AwsFault(`Invalid${what}.Malformed`, `Invalid id: "${bad}"`);
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
