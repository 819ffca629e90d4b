import * as z from 'zod/mini';
import { money } from './json-money.ts';
import { envelope, nullable, time } from './json-parts.ts';

const prebuild = z.strictObject({
  id: z.string(),
  name: z.string(),
  provider: z.string(),
  project: z.string(),
  hash: z.string(),
  coldSetupMs: z.number(),
  isOwn: z.boolean(),
  key: nullable(z.string()),
  createdAt: time,
  sizeBytes: nullable(z.number()),
  region: nullable(z.string()),
  billed: z.boolean(),
  monthly: nullable(money),
});

export const prebuildShapes = {
  prebuilds: {
    about:
      '`prebuild list`, and `prebuild create` with the one that there is now alone. `hash` is of what it was made of, `coldSetupMs` how ' +
      'long that took, `isOwn` whether this computer made the machine that it is of: `up` starts from no other.',
    schema: envelope({ prebuilds: z.array(prebuild) }),
  },
  'prebuilds-pruned': {
    about:
      '`prebuild prune`: what goes, and what of it was deleted. `foreign`: how many more would go, with `--all`.',
    schema: envelope({ stale: z.array(prebuild), deleted: z.array(prebuild), foreign: z.number() }),
  },
} as const;
