/** What the shapes of `--json` say about the login keys of spuff's own. */
import * as z from 'zod/mini';
import { envelope, nullable, time } from './json-parts.ts';

const newKeyFields = {
  fingerprint: z.string(),
  publicPath: z.string(),
  storage: z.enum(['disk', 'agent']),
  madeAt: time,
  expiresAt: nullable(time),
};
const newKey = z.strictObject(newKeyFields);
const ownKey = z.strictObject({
  ...newKeyFields,
  role: z.enum(['current', 'retiring']),
  ageMs: nullable(z.number()),
  usable: z.boolean(),
  inAgent: z.boolean(),
  remainingMs: nullable(z.number()),
  passphrase: nullable(z.boolean()),
  instances: z.array(z.string()),
  providers: z.array(z.string()),
  providersNotAsked: z.array(z.string()),
});

const undone = z.strictObject({
  name: z.string(),
  code: z.string(),
  message: z.string(),
  hints: z.array(z.string()),
});

export const keyShapes = {
  key: { about: '`key new`: the key that was made.', schema: envelope({ key: newKey }) },
  keys: {
    about:
      '`key list`, the current one first. `passphrase` is null without a file, `remainingMs` without an end in ssh-agent, ' +
      '`ageMs` when a clock is wrong.',
    schema: envelope({ keys: z.array(ownKey) }),
  },
  'key-rotation': {
    about:
      '`key rotate`. `undone` are instances and providers that it did not work for: then nothing is in `retired`, and the ' +
      'command ends with an error.',
    schema: envelope({
      key: newKey,
      resumed: z.boolean(),
      done: z.array(z.string()),
      undone: z.array(undone),
      retired: z.array(z.string()),
    }),
  },
  'key-revocation': {
    about: '`key revoke`. While something is in `undone` nothing is in `deleted`.',
    schema: envelope({
      done: z.array(z.string()),
      undone: z.array(undone),
      deleted: z.array(z.string()),
    }),
  },
} as const;
