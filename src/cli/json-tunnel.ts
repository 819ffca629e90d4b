/** What the shapes of `--json` say about tunnels. */
import * as z from 'zod/mini';
import { envelope, nullable, time } from './json-parts.ts';

const tunnel = z.strictObject({
  id: z.string(),
  instance: z.string(),
  key: z.string(),
  kind: z.enum(['foreground', 'background', 'session']),
  pid: z.number(),
  state: z.enum(['connecting', 'connected', 'reconnecting']),
  startedAt: time,
  since: time,
  auto: z.boolean(),
  ports: z.array(
    z.strictObject({
      local: z.number(),
      remote: z.number(),
      isListening: nullable(z.boolean()),
      blocked: nullable(z.string()),
    }),
  ),
  offered: z.array(z.strictObject({ port: z.number(), process: nullable(z.string()) })),
  lastError: nullable(z.strictObject({ code: z.string(), message: z.string(), hints: z.array(z.string()) })),
});

export const tunnelShapes = {
  tunnels: {
    about:
      '`tunnel`: in the foreground one object a line, with the tunnel as it is after each change; with `--background` those that ' +
      'carry the ports now, with `--status` all, with `--stop` those that were ended. `since`: when `state` began. ' +
      '`isListening`: whether anything has that port on the machine; null: not known yet. `blocked`: why the local port can not ' +
      'be had for the moment. `offered`: what listens there and no tunnel carries.',
    schema: envelope({ tunnels: z.array(tunnel) }),
  },
} as const;
