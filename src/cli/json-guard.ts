/** What the shapes of `--json` say about guards. */
import * as z from 'zod/mini';
import { envelope, nullable, ofInstance, part, time } from './json-parts.ts';

const guardRequest = z.strictObject({
  kind: z.enum(['login', 'commit', 'other']),
  keyFingerprint: nullable(z.string()),
  destination: nullable(z.string()),
  hostFingerprint: nullable(z.string()),
  hostKey: nullable(z.string()),
  user: nullable(z.string()),
});

/** One decision of a guard; `reason` is a name of the table in docs/guard.md. */
const guardRecord = z.strictObject({
  at: time,
  instanceKey: z.string(),
  instanceName: z.string(),
  session: z.string(),
  decision: z.enum(['signed', 'refused']),
  reason: nullable(z.string()),
  request: guardRequest,
});

const guardPolicy = z.strictObject({
  keys: z.array(z.array(z.string())),
  destinations: z.array(
    z.strictObject({
      name: z.string(),
      users: z.array(z.string()),
      hostKeys: z.array(z.string()),
      plain: z.boolean(),
    }),
  ),
  confirm: z.enum(['never', 'first-use', 'always']),
  confirmTimeoutMs: z.number(),
  leaseMs: z.number(),
  rate: z.strictObject({ perMinute: z.number(), burst: z.number() }),
  commitSigning: z.enum(['allow', 'confirm', 'off']),
});

const guardStatus = z.strictObject({
  session: z.string(),
  instanceKey: z.string(),
  instanceName: z.string(),
  pid: z.number(),
  startedAt: time,
  leaseEndsAt: time,
  revoked: z.boolean(),
  signed: z.number(),
  refused: z.number(),
  lastRefusal: nullable(guardRecord),
  policy: guardPolicy,
});

export const guardShapes = {
  'guard-status': {
    about:
      '`guard status`. `policy` is what would count for a session that begins now; each guard has that of its own. `keys` are ' +
      'lists that a key must be in, each of them. `unanswered`: guards that run and could not be asked.',
    schema: envelope({
      instance: nullable(z.string()),
      guards: z.array(guardStatus),
      unanswered: z.array(
        z.strictObject({ instanceKey: z.string(), session: z.string(), error: z.string() }),
      ),
      policy: part(guardPolicy),
    }),
  },
  'guard-test': {
    about:
      '`guard test`: `outcome` is `signed`, `refused` or `unasked`; `exitStatus` is that of ssh on the machine.',
    schema: envelope({
      ...ofInstance,
      trials: z.array(
        z.strictObject({
          host: z.string(),
          user: z.string(),
          outcome: z.enum(['signed', 'refused', 'unasked']),
          reason: nullable(z.string()),
          exitStatus: z.number(),
        }),
      ),
    }),
  },
  'guard-log': {
    about: '`guard log`: the oldest first. `reason` is one of [these](guard.md#why-something-is-refused).',
    schema: envelope({ records: z.array(guardRecord) }),
  },
} as const;
