/** What the shape of `--json` says about the files of a project. */
import * as z from 'zod/mini';
import { envelope, nullable, ofInstance } from './json-parts.ts';

const paths = z.array(z.string());

export const syncShapes = {
  sync: {
    about:
      '`sync`: what was brought, or with --dry-run would be; with `--watch` one object a line for each time that something was. ' +
      'Paths are relative to `folder`, which is on the machine. `bytes`: what the files are long; `sentBytes`: what went over the ' +
      'wire, null where that is not known. `conflicts`: changed on both sides, and left so. `left`: never goes between the two. ' +
      '`head`: the commit that is checked out on the machine, null where no history went there.',
    schema: envelope({
      ...ofInstance,
      sync: z.strictObject({
        direction: z.enum(['up', 'down']),
        mode: z.enum(['rsync', 'git', 'none']),
        folder: z.string(),
        dryRun: z.boolean(),
        brought: paths,
        removed: paths,
        bytes: z.number(),
        sentBytes: nullable(z.number()),
        conflicts: paths,
        left: z.array(z.strictObject({ path: z.string(), why: z.string() })),
        head: nullable(z.string()),
        ms: z.number(),
      }),
    }),
  },
} as const;
