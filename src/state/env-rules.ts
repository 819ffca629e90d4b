/** `env` of a project's file and of its file of secrets. */
import { parseEnvTemplate } from '../domain/env-template.ts';
import type { EnvValue } from '../domain/project.ts';
import { splitWords } from '../lib/split-words.ts';
import { about, either, fields, mapped, type Rule, record } from './yaml-rules.ts';
import { text } from './yaml-scalars.ts';

const envText: Rule<EnvValue> = mapped(
  text({
    expected: 'a text whose $ begins $VAR, ${VAR}, ${VAR:-else} or $$',
    pattern: '^[^\\0]*$',
    longest: 32 * 1024,
    plain: true,
    parse: (written) => {
      parseEnvTemplate(written);
      return written;
    },
  }),
  (written) => ({ kind: 'text', text: written }),
);
/** What a value is may be a secret: no message repeats it. */
const unshown: Rule<EnvValue> = {
  ...envText,
  read: (reading, node, path) => {
    const before = reading.problems.length;
    const found = envText.read(reading, node, path);
    const problem = reading.problems[before];
    if (problem) problem.message = problem.message.replace(/^(.*?): (?:".*"|this) is/su, '$1: this is');
    return found;
  },
};
const envCommand: Rule<EnvValue> = mapped(
  fields(
    {
      from: about(
        'Is run on your computer, without a shell; what it prints is the value.',
        text({
          expected: 'a command line',
          pattern: '^[^\\0\\n]*\\S[^\\0\\n]*$',
          parse: (written) => {
            splitWords(written);
            return written;
          },
        }),
      ),
    },
    { what: 'setting of a variable', required: ['from'] },
  ),
  ({ from = '' }) => ({ kind: 'command', command: from }),
);

export const envRule = record(
  either<EnvValue, never, EnvValue>('a text, or from: a command', { one: unshown, map: envCommand }),
  {
    what: 'variables of the form NAME: value',
    name: '^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,199}$',
    expected: 'the name of a variable: letters, digits and _',
  },
);
