/** What the shapes of `--json` say about the local log. */
import * as z from 'zod/mini';
import { incidentShapes } from './json-incident.ts';
import { envelope, nullable, time } from './json-parts.ts';

const auditLine = z.strictObject({
  seq: z.number(),
  at: time,
  pid: z.number(),
  kind: z.string(),
  details: z.record(z.string(), z.unknown()),
  prev: z.string(),
  hash: z.string(),
});

const place = { file: z.string(), line: nullable(z.number()) };

export const auditShapes = {
  ...incidentShapes,
  'local-log': {
    about:
      '`log`: lines, the oldest first; with `--follow` one a line, as `line`. What `details` are for each `kind` is in [log.md](log.md#lines).',
    schema: envelope({ lines: z.optional(z.array(auditLine)), line: z.optional(auditLine) }),
  },
  'log-verification': {
    about:
      '`log verify`. `ok` is false when there are `findings`; `torn` are lines that a killed process left, where nothing is missing. ' +
      '`head` is the newest line.',
    schema: envelope({
      ok: z.boolean(),
      files: z.number(),
      lines: z.number(),
      head: z.strictObject({ seq: z.number(), hash: z.string() }),
      findings: z.array(z.strictObject({ ...place, problem: z.string() })),
      torn: z.array(z.strictObject({ file: z.string(), line: z.number() })),
    }),
  },
} as const;
