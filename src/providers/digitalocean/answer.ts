import { ProviderError } from '../../domain/provider-error.ts';
import { providerId } from './failure.ts';

/**
 * A part of an answer of the API, and where it stands in it. Nothing in an answer is taken to be what it should be: what
 * is missing or of another type is an error of the protocol that names the field, never an `undefined` that goes on.
 */
export class Answer {
  readonly value: unknown;
  readonly #where: string;
  readonly #op: string;

  constructor(value: unknown, op: string, where = '') {
    this.value = value;
    this.#where = where;
    this.#op = op;
  }

  /** A member; it may be missing until it is read. */
  at(name: string): Answer {
    const { value } = this;
    const member =
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined;
    return new Answer(member, this.#op, this.#where === '' ? name : `${this.#where}.${name}`);
  }

  get isMissing(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** @throws ProviderError `protocol`, like all that read */
  text(): string {
    return typeof this.value === 'string' ? this.value : this.#refuse('text');
  }

  textOr<T>(other: T): string | T {
    return typeof this.value === 'string' ? this.value : other;
  }

  number(): number {
    return typeof this.value === 'number' && Number.isFinite(this.value)
      ? this.value
      : this.#refuse('a number');
  }

  numberOr<T>(other: T): number | T {
    return typeof this.value === 'number' && Number.isFinite(this.value) ? this.value : other;
  }

  /** Ids come as numbers in most answers and as text in some. */
  id(): string {
    if (typeof this.value === 'number' && Number.isSafeInteger(this.value)) return String(this.value);
    return typeof this.value === 'string' && this.value !== '' ? this.value : this.#refuse('an id');
  }

  date(): Date {
    const date = new Date(this.text());
    return Number.isNaN(date.getTime()) ? this.#refuse('a time') : date;
  }

  list(): Answer[] {
    const { value } = this;
    if (!Array.isArray(value)) return this.#refuse('a list');
    return value.map((item, index) => new Answer(item, this.#op, `${this.#where}[${index}]`));
  }

  /** The texts of a list; no list is an empty one, since the API gives `null` for it in places. */
  texts(): string[] {
    if (this.isMissing) return [];
    return this.list().map((item) => item.text());
  }

  #refuse(wanted: string): never {
    const found = this.value === undefined ? 'is missing' : `is not ${wanted}`;
    throw new ProviderError('protocol', `DigitalOcean gave an answer in which ${this.#where} ${found}`, {
      ...{ provider: providerId, op: this.#op, retryable: false, field: this.#where },
      hints: ['the API may have changed: look for a newer spuff'],
    });
  }
}
