/** What the shapes of `--json` say about policies. */
import * as z from 'zod/mini';
import { envelope } from './json-parts.ts';

export const policyShapes = {
  policy: {
    about:
      '`policy show`: every rule of every file that holds in the directory. `counts` is false where a stricter one of the same name ' +
      'decides; `where` is `file:line:column`.',
    schema: envelope({
      rules: z.array(
        z.strictObject({ rule: z.string(), value: z.string(), where: z.string(), counts: z.boolean() }),
      ),
    }),
  },
  'policy-check': {
    about: '`policy check`: `subject` is `settings`, or the name of an instance.',
    schema: envelope({
      ok: z.boolean(),
      findings: z.array(
        z.strictObject({
          subject: z.string(),
          rule: z.string(),
          where: z.string(),
          message: z.string(),
          hint: z.string(),
        }),
      ),
    }),
  },
} as const;
