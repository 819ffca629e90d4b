/** What the shapes of `--json` say about incidents. */
import * as z from 'zod/mini';
import { envelope, nullable, time } from './json-parts.ts';

const step = z.strictObject({
  name: z.string(),
  title: z.string(),
  state: z.enum(['begun', 'done', 'left', 'waiting', 'failed']),
  at: time,
  said: z.array(z.string()),
  todo: z.array(z.string()),
});
const incident = z.strictObject({
  id: z.string(),
  kind: z.enum(['api-token', 'vm', 'ssh-key']),
  subject: z.string(),
  startedAt: time,
  endedAt: nullable(time),
});

export const incidentShapes = {
  'incident-progress': {
    about:
      '`incident api-token`, `incident vm` and `incident ssh-key`: one line for each step that has come to a state, and one at ' +
      'the end, with `step` null and the path of the `report`. `todo` is what only you can do. `left` keeps nothing after it ' +
      'waiting, `waiting` everything; all but `done` is tried again by `--resume`.',
    schema: envelope({ incident, step: nullable(step), report: nullable(z.string()) }),
  },
  incidents: {
    about: '`incident list`, the newest first. `endedAt` is null while something is open.',
    schema: envelope({ incidents: z.array(incident) }),
  },
  incident: {
    about: '`incident show`: one with its steps.',
    schema: envelope({ incident, steps: z.array(step) }),
  },
} as const;
