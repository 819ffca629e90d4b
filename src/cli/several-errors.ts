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

/**
 * Does the same for each name at once, and waits for all of them also when some fail.
 * @throws the error when there is one name, SeveralErrors when there are more; what is no SpuffError first
 */
export async function forEachName<T>(
  names: readonly string[],
  work: (name: string) => Promise<T>,
): Promise<T[]> {
  const outcomes = await Promise.allSettled(names.map((name) => work(name)));
  const errors: NamedError[] = [];
  const results: T[] = [];
  for (const [at, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') {
      results.push(outcome.value);
      continue;
    }
    const reason: unknown = outcome.reason;
    if (names.length === 1 || !(reason instanceof SpuffError)) throw reason;
    errors.push({ name: names[at] ?? '', error: reason });
  }
  if (errors.length > 0) throw new SeveralErrors(errors);
  return results;
}
