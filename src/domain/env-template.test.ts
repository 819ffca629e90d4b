import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillTemplate, parseEnvTemplate } from './env-template.ts';
import { SpuffError } from './errors.ts';

const variables = { USER: 'alice', EMPTY: '' };
const fill = (text: string) => fillTemplate(parseEnvTemplate(text), variables);

describe('a value that names variables', () => {
  it.each([
    ['plain', 'plain'],
    ['', ''],
    ['$USER', 'alice'],
    ['${USER}s', 'alices'],
    ['a$USER-b', 'aalice-b'],
    ['$EMPTY', ''],
    ['${EMPTY:-else}', 'else'],
    ['${NONE:-}', ''],
    ['${NONE:-a b:c}', 'a b:c'],
    ['5 $$', '5 $'],
    ['$$USER', '$USER'],
    ['line\n$USER\n', 'line\nalice\n'],
  ])('%j is %j', (text, value) => {
    expect(fill(text)).toEqual({ value });
  });

  it('tells what is not set, and takes nothing from the prototype', () => {
    expect(fill('$A ${B} $A')).toEqual({ missing: ['A', 'B'] });
    expect(fill('$toString ${constructor:-x}')).toEqual({ missing: ['toString'] });
  });

  it.each([
    ['$', 'a $ that no name follows'],
    ['a$1', 'a $ that no name follows'],
    ['$(rm)', 'a $ that no name follows'],
    ['${USER', '${ without its }'],
    ['${}', '${…} that is neither'],
    ['${USER-x}', '${…} that is neither'],
    ['${USER:?x}', '${…} that is neither'],
    ['${A:-${B}}', '${…} that is neither'],
    ['${A:-$B}', '${…} that is neither'],
  ])('%j is refused', (text, message) => {
    expect(() => parseEnvTemplate(text)).toThrow(message);
  });

  it('gives back what it is made of, or refuses', () => {
    const signs = fc.constantFrom('$', '{', '}', ':-', 'A', '_', '1', ' ', '\n', 'é', '\0');
    fc.assert(
      fc.property(fc.array(signs, { maxLength: 12 }), (all) => {
        const text = all.join('');
        try {
          const written = parseEnvTemplate(text).map((part) => {
            if (part.kind === 'text') return part.text.replaceAll('$', '$$$$');
            return part.fallback === null ? `\${${part.name}}` : `\${${part.name}:-${part.fallback}}`;
          });
          const braced = text.replace(/\$\$|\$([A-Za-z_]\w*)/g, (all, name) => (name ? `\${${name}}` : all));
          expect(written.join('')).toBe(braced);
        } catch (error) {
          if (!(error instanceof SpuffError)) throw error;
          expect(text).toContain('$');
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
