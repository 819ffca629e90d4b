/**
 * Values that name variables of the user's: `$VAR`, `${VAR}`, `${VAR:-else}`, and `$$` for a dollar sign. As in a shell, as
 * far as it goes; everything else that begins with `$` is refused, so that nothing is taken for text that was meant otherwise.
 */
import { SpuffError } from './errors.ts';

export type TemplatePart =
  | { kind: 'text'; text: string }
  /** `fallback` counts where the variable is not set or empty; null: there is none. */
  | { kind: 'variable'; name: string; fallback: string | null };

const part =
  /(?<text>[^$]+)|(?<dollar>\$\$)|\$(?<bare>[A-Za-z_]\w*)|\$\{(?<name>[A-Za-z_]\w*)(?::-(?<fallback>[^${}]*))?\}/y;

/** @throws SpuffError `config` that says what is wrong, without the text */
export function parseEnvTemplate(text: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  part.lastIndex = 0;
  while (part.lastIndex < text.length) {
    const at = part.lastIndex;
    const found = part.exec(text)?.groups;
    if (!found) throw wrong(text.slice(at));
    const name = found['bare'] ?? found['name'];
    if (name !== undefined) parts.push({ kind: 'variable', name, fallback: found['fallback'] ?? null });
    else parts.push({ kind: 'text', text: found['text'] ?? '$' });
  }
  return parts;
}

/**
 * The value, with `variables` put in.
 * @returns the names of variables that are not set and have no fallback, when there are any
 */
export function fillTemplate(
  parts: readonly TemplatePart[],
  variables: Readonly<Record<string, string | undefined>>,
): { value: string } | { missing: readonly string[] } {
  const missing = new Set<string>();
  const texts = parts.map((one) => {
    if (one.kind === 'text') return one.text;
    const value = Object.hasOwn(variables, one.name) ? variables[one.name] : undefined;
    if (one.fallback !== null) return value || one.fallback;
    if (value === undefined) missing.add(one.name);
    return value ?? '';
  });
  return missing.size > 0 ? { missing: [...missing] } : { value: texts.join('') };
}

function wrong(rest: string): SpuffError {
  const hints = ['a dollar sign of its own is written $$'];
  if (!rest.startsWith('${')) return new SpuffError('config', 'a $ that no name follows', { hints });
  if (!rest.includes('}')) return new SpuffError('config', '${ without its }', { hints });
  return new SpuffError('config', '${…} that is neither ${VAR} nor ${VAR:-text}', {
    hints: [...hints, 'the text after :- holds no $, { and }'],
  });
}
