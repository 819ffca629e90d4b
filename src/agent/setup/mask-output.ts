import { redactSecretValues, Secret } from '../../domain/secret.ts';
import { isSecretName } from '../../lib/token-shapes.ts';

/** A word such as `production`: it stands in any output, and hiding it would shred the log. */
const plainWord = /^[a-z]{1,16}$/;

/**
 * Gives a function that takes the values of a project's variables out of what programs print, in the forms in which they
 * may stand there. Values shorter than six characters are left, and plain words whose name does not say that they are
 * secret.
 */
export function createMask(env: Readonly<Record<string, string>>): (line: string) => string {
  const secrets = Object.entries(env)
    .filter(([name, value]) => isSecretName(name) || !plainWord.test(value))
    .map(([, value]) => new Secret(value));
  // The list of live secrets is weak: they live as long as this function does.
  return (line) => (secrets.length === 0 ? line : redactSecretValues(line));
}
