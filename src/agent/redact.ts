import { isSecretName, redactTokens } from '../lib/token-shapes.ts';

const redacted = '[redacted]';

/** What is looked at of each text, and what is kept of it: the first is longer, so that no secret is cut in two. */
const readCharacters = 4_096;
const keptCharacters = 1_024;

/** Takes what looks like a credential out of a text that is logged or shown, and cuts a long one. */
export function redactText(text: string): string {
  const clean = redactTokens(text.slice(0, readCharacters));
  if (clean.length <= keptCharacters && text.length <= readCharacters) return clean;
  return `${clean.slice(0, keptCharacters)}[cut: ${text.length} characters]`;
}

/** What is looked at of a whole command line: searching takes time, and others choose what there is to search. */
const budgetCharacters = 16_384;

/**
 * Redacts each argument of a command line, and the whole argument after an option that names a secret
 * (`--password hunter2`). It is a net, not a promise: a secret that looks like any other word passes.
 */
export function redactArguments(argv: readonly string[]): string[] {
  let budget = budgetCharacters;
  return argv.map((argument, index) => {
    if (budget <= 0) return '[cut]';
    budget -= Math.min(argument.length, readCharacters);
    const option = argv[index - 1] ?? '';
    const isValue =
      index > 1 && /^--?[\w-]+$/.test(option) && isSecretName(option) && !argument.startsWith('-');
    return isValue ? redacted : redactText(argument);
  });
}
