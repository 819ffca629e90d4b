/** What the shape of `--json` says about audits. */
import * as z from 'zod/mini';
import { envelope, nullable } from './json-parts.ts';

export const inspectionShapes = {
  audit: {
    about:
      '`audit`: every check with its outcome. `control` is an id of docs/security.md, `subject` the instance or provider, null: this ' +
      'computer. `reason`: why it was skipped. `fixed`: what --fix mended; that is looked at anew.',
    schema: envelope({
      ok: z.boolean(),
      checks: z.array(
        z.strictObject({
          id: z.string(),
          control: z.string(),
          place: z.enum(['local', 'provider', 'machine']),
          severity: z.enum(['high', 'medium', 'low']),
          title: z.string(),
          why: z.string(),
          subject: nullable(z.string()),
          outcome: z.enum(['pass', 'found', 'skipped']),
          reason: nullable(z.string()),
          findings: z.array(
            z.strictObject({
              what: z.string(),
              mend: z.string(),
              path: nullable(z.string()),
              line: nullable(z.number()),
              fixable: z.boolean(),
            }),
          ),
        }),
      ),
      fixed: z.array(z.string()),
      questions: z.array(z.strictObject({ control: z.string(), text: z.string() })),
    }),
  },
} as const;
