/** Reads the API's answers by hand: what is missing or of another kind is an error that names the field. */
import { ProviderError } from '../../domain/provider-error.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Where a value stands, for the error: the method of the port, and the path in the answer. */
export interface Place {
  op: string;
  path: string;
}

function wrong({ op, path }: Place, wanted: string): ProviderError {
  return new ProviderError(
    'protocol',
    `the answer of Hetzner Cloud has no usable ${path}: ${wanted} is missing`,
    {
      ...{ provider: 'hetzner', op, retryable: true, field: path },
      hints: ['try again; if it stays, the API has changed: look for a newer spuff'],
    },
  );
}

export function at(place: Place, name: string): Place {
  return { op: place.op, path: place.path === '' ? name : `${place.path}.${name}` };
}

/** @throws ProviderError `protocol`, as do all below */
export function readObject(value: unknown, place: Place): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(place, 'an object');
}

export function readArray(value: unknown, place: Place): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(place, 'a list');
}

export function readText(fields: Fields, name: string, place: Place): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(at(place, name), 'a text');
}

export function readNumber(fields: Fields, name: string, place: Place): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw wrong(at(place, name), 'a number');
}

/** Ids are whole numbers below 2^53 (`int64`, at most 9007199254740991). */
export function readId(fields: Fields, place: Place): string {
  const value = fields['id'];
  if (Number.isSafeInteger(value) && (value as number) > 0) return String(value);
  throw wrong(at(place, 'id'), 'a whole number');
}

export function readDate(fields: Fields, name: string, place: Place): Date {
  const value = fields[name];
  const date = new Date(typeof value === 'string' ? value : Number.NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw wrong(at(place, name), 'a time');
}

/** null when it is missing, null or no time. */
export function optionalDate(value: unknown): Date | null {
  const date = new Date(typeof value === 'string' ? value : Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

export function optionalText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

export function optionalObject(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function optionalArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
