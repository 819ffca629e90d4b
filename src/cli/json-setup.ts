import * as z from 'zod/mini';
import { setupPartKinds, setupStates } from '../domain/setup.ts';
import { envelope, ofInstance } from './json-parts.ts';

const time = z.nullable(z.iso.datetime());
const state = z.enum(setupStates);

/** How far the setup of a project is; see docs/setup.md. */
export const setupAnswer = z.strictObject({
  project: z.nullable(z.string()),
  run: z.nullable(z.string()),
  state,
  startedAt: time,
  endedAt: time,
  detail: z.nullable(z.string()),
  parts: z.array(
    z.strictObject({
      kind: z.enum(setupPartKinds),
      name: z.string(),
      state,
      startedAt: time,
      endedAt: time,
      detail: z.nullable(z.string()),
      log: z.nullable(z.string()),
      items: z.array(z.strictObject({ name: z.string(), state, detail: z.nullable(z.string()) })),
    }),
  ),
});

export const setupShapes = {
  setup: {
    about:
      '`setup`: how far the setup of an instance is, at its end or where it was stopped. `state` of it, its parts and their ' +
      '`items` is `pending`, `in_progress`, `done`, `failed` or `skipped`; `log` is a path for `spuff logs --file`.',
    schema: envelope({ ...ofInstance, setup: setupAnswer }),
  },
} as const;
