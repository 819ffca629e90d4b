/** What the shapes of `--json` say about the files of projects. */
import * as z from 'zod/mini';
import { envelope, nullable } from './json-parts.ts';

const layer = z.enum(['project', 'user', 'default', 'provider']);

export const projectShapes = {
  'config-explanation': {
    about:
      '`config explain`. The first of `layers` counts that has a value and no `unless`, which says why it does not; `from` is ' +
      'its name, and null where none says anything. `place` is `FILE:LINE:COLUMN`, or the file alone. `option` is the one of ' +
      '`up` that comes before all of them.',
    schema: envelope({
      key: z.string(),
      value: nullable(z.string()),
      from: nullable(layer),
      option: nullable(z.string()),
      provider: z.string(),
      layers: z.array(
        z.strictObject({
          layer,
          value: nullable(z.string()),
          place: nullable(z.string()),
          unless: nullable(z.string()),
        }),
      ),
    }),
  },
  trust: {
    about:
      '`trust`: what of the user’s the project asks for. `setting` is `env.NAME` or `tailscale`, `wish` begins with `run: `, `send: ` or ' +
      '`join: `, `where` is `FILE:LINE:COLUMN`.',
    schema: envelope({
      project: z.string(),
      wishes: z.array(
        z.strictObject({
          setting: z.string(),
          wish: z.string(),
          where: z.string(),
          trusted: z.boolean(),
        }),
      ),
    }),
  },
  validation: {
    about:
      '`validate`. Lines and columns begin with 1. With a problem the command ends with an error of code `config`, after this.',
    schema: envelope({
      path: z.string(),
      secretsPath: nullable(z.string()),
      valid: z.boolean(),
      problems: z.array(
        z.strictObject({
          path: z.string(),
          line: z.number(),
          column: z.number(),
          message: z.string(),
          hint: nullable(z.string()),
        }),
      ),
    }),
  },
} as const;
