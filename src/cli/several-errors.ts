import { SpuffError } from '../domain/errors.ts';

export interface NamedError {
  name: string;
  error: SpuffError;
}

/** What went wrong with several instances at once. The exit status is that of the first. */
export class SeveralErrors extends SpuffError {
  readonly errors: readonly NamedError[];

  constructor(errors: readonly NamedError[]) {
    super(errors[0]?.error.code ?? 'internal', `failed: ${errors.map(({ name }) => name).join(', ')}`);
    this.name = 'SeveralErrors';
    this.errors = errors;
  }
}

export interface Outcomes<T> {
  /** Of the names that it worked for, in their order. */
  results: T[];
  /** To be thrown once the results are told; null when it worked for all. */
  failure: unknown;
}

/**
 * Does the same for each name at once, and waits for all of them also when some fail. What went well must be told before
 * the failure is thrown: the error when there is one name, SeveralErrors when there are more, what is no SpuffError first.
 */
export async function forEachName<T>(
  names: readonly string[],
  work: (name: string) => Promise<T>,
): Promise<Outcomes<T>> {
  const outcomes = await Promise.allSettled(names.map((name) => work(name)));
  const errors: NamedError[] = [];
  const results: T[] = [];
  let bug: unknown = null;
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') {
      results.push(outcome.value);
      continue;
    }
    const reason: unknown = outcome.reason;
    if (names.length === 1 || !(reason instanceof SpuffError)) bug ??= reason;
    else errors.push({ name: names[at] ?? '', error: reason });
  }
  return { results, failure: bug ?? (errors.length > 0 ? new SeveralErrors(errors) : null) };
}

/** @throws the failure, where there is nothing to tell of those that went well */
export async function forAllNames<T>(
  names: readonly string[],
  work: (name: string) => Promise<T>,
): Promise<T[]> {
  const { results, failure } = await forEachName(names, work);
  if (failure !== null) throw failure;
  return results;
}
