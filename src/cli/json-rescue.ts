/** The shapes of `--json` for rescues. */
import * as z from 'zod/mini';
import { envelope, nullable, time } from './json-parts.ts';

const rescue = z.strictObject({
  name: z.string(),
  instanceName: z.string(),
  instanceKey: z.string(),
  provider: z.string(),
  createdAt: time,
  bytes: z.number(),
  complete: z.boolean(),
  recipients: z.array(z.string()),
  path: z.string(),
});

const leftOut = z.strictObject({
  repository: z.string(),
  part: z.enum(['repository', 'commits', 'staged', 'changes', 'file']),
  path: nullable(z.string()),
  bytes: nullable(z.number()),
  why: z.enum([
    'too-large',
    'no-room',
    'link',
    'special',
    'unreadable',
    'strange-name',
    'git-failed',
    'too-many',
  ]),
  detail: nullable(z.string()),
});

const repository = z.strictObject({
  directory: z.string(),
  path: z.string(),
  kind: z.enum(['repository', 'worktree', 'submodule', 'bare']),
  remote: nullable(z.string()),
  branch: nullable(z.string()),
  head: nullable(z.string()),
  commits: z.number(),
  stashes: z.number(),
  hasStaged: z.boolean(),
  hasChanges: z.boolean(),
  inMerge: z.boolean(),
  untracked: z.number(),
});

export const rescueShapes = {
  rescue: {
    about:
      '`rescue`: `rescue` is null where there was nothing to save. `leftOut` is how many things were left out, `lost` how many of them ' +
      'are more than single untracked files; `named` has the first 20.',
    schema: envelope({
      instance: z.string(),
      rescue: nullable(rescue),
      ...{ repositories: z.number(), commits: z.number(), stashes: z.number(), patches: z.number() },
      ...{ files: z.number(), leftOut: z.number(), lost: z.number(), named: z.array(leftOut) },
    }),
  },
  rescues: {
    about:
      '`rescued list`, and `rescued rm` with those that it deleted. `complete`: nothing but untracked files was left out. `recipients`: ' +
      "public keys whose private halves open it; `own` is spuff's.",
    schema: envelope({ rescues: z.array(rescue) }),
  },
  'rescue-opened': {
    about: '`rescued open`. `path` is below the home on the machine, `directory` below that of the rescue.',
    schema: envelope({
      rescue,
      directory: z.string(),
      repositories: z.array(repository),
      leftOut: z.array(leftOut),
    }),
  },
};
