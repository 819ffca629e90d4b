/**
 * What the agent answers. A client ignores keys it does not know: a newer agent may send more. Times are ISO 8601 in
 * UTC, sizes are bytes, shares are 0 to 1.
 */
import * as z from 'zod/mini';
import { activityHistoryResponse, activityResponse } from './activity-schema.ts';
import type { RouteName } from './routes.ts';
import {
  devtoolsResponse,
  servicesResponse,
  setupConfig,
  setupStartResponse,
  setupStatus,
} from './setup-schema.ts';

const time = z.iso.datetime();
const nullable = <T extends z.ZodMiniType>(schema: T) => z.nullable(schema);

export const errorResponse = z.object({
  error: z.object({ code: z.string(), message: z.string(), hint: nullable(z.string()) }),
});

export const healthResponse = z.object({
  version: z.string(),
  protocol: z.number(),
  uptimeSeconds: z.number(),
});

export const shutdownResponse = z.object({ at: time, reason: z.string() });

/** `until` is never past the deadline; null: nothing is held. */
export const keepResponse = z.object({ until: nullable(time), deadline: nullable(time) });

const leaseResponse = z.object({ deadline: nullable(time), idleTimeoutSeconds: nullable(z.number()) });

export const statusResponse = z.object({
  version: z.string(),
  protocol: z.number(),
  /** Such as `node v24.21.0`. */
  runtime: z.string(),
  startedAt: time,
  uptimeSeconds: z.number(),
  residentBytes: z.number(),
  /** Who `/exec` runs commands as. */
  user: z.string(),
  machine: z.object({
    hostname: z.string(),
    kernel: z.string(),
    os: nullable(z.string()),
    bootedAt: nullable(time),
    instanceId: nullable(z.string()),
  }),
  exec: z.object({ running: z.number(), maximum: z.number() }),
  clients: z.array(z.object({ client: z.string(), interactive: z.boolean(), lastSeenAt: time })),
  lease: leaseResponse,
  shutdown: nullable(shutdownResponse),
  /** What the agent can't do at the moment, one sentence each; empty when all is well. */
  problems: z.array(z.string()),
});

export const metricsResponse = z.object({
  sampledAt: time,
  cpu: z.object({
    cores: z.number(),
    /** Of all cores, since the sample before; null until there are two. */
    usedShare: nullable(z.number()),
    stolenShare: nullable(z.number()),
    sampleSeconds: nullable(z.number()),
  }),
  load: z.object({ one: z.number(), five: z.number(), fifteen: z.number() }),
  memory: z.object({
    totalBytes: z.number(),
    availableBytes: z.number(),
    swapTotalBytes: z.number(),
    swapFreeBytes: z.number(),
  }),
  disks: z.array(
    z.object({
      mount: z.string(),
      device: z.string(),
      type: z.string(),
      totalBytes: z.number(),
      /** What a user who is not root may still write. */
      availableBytes: z.number(),
      usedBytes: z.number(),
    }),
  ),
  /** Of the machine, not of the agent's own namespace; null when the kernel does not show them. */
  network: nullable(
    z.array(
      z.object({
        name: z.string(),
        receivedBytes: z.number(),
        sentBytes: z.number(),
        receiveErrors: z.number(),
        sendErrors: z.number(),
      }),
    ),
  ),
});

export const processesResponse = z.object({
  sampledAt: time,
  sampleSeconds: z.number(),
  total: z.number(),
  processes: z.array(
    z.object({
      pid: z.number(),
      parentPid: z.number(),
      user: z.string(),
      state: z.string(),
      /** The kernel's short name of it. */
      name: z.string(),
      /** Arguments that look like secrets are `[redacted]`; control characters are escaped. */
      command: z.string(),
      /** Of one core, over the sample: 1.5 is one and a half cores. */
      cpuShare: z.number(),
      cpuSeconds: z.number(),
      residentBytes: z.number(),
      startedAt: nullable(time),
    }),
  ),
});

/** How a command ended. `unknown`: the agent stopped meanwhile. */
export const execOutcome = z.enum([
  'exited',
  'signalled',
  'timed-out',
  'output-limit',
  'cancelled',
  'failed',
  'unknown',
]);
export type ExecOutcome = z.infer<typeof execOutcome>;

const execEnd = {
  id: z.string(),
  outcome: execOutcome,
  exitCode: nullable(z.number()),
  /** Such as `SIGKILL`. */
  signal: nullable(z.string()),
  durationMs: z.number(),
};

const output = z.object({
  text: z.string(),
  /** `base64` when the bytes are not UTF-8. */
  encoding: z.enum(['utf8', 'base64']),
});

export const execResponse = z.object({ ...execEnd, startedAt: time, stdout: output, stderr: output });

/** One line of the answer to `/exec` with `Accept: application/x-ndjson`. */
export const execFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), id: z.string(), startedAt: time }),
  z.object({ type: z.literal('stdout'), data: z.base64() }),
  z.object({ type: z.literal('stderr'), data: z.base64() }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('end'), ...execEnd }),
  z.object({ type: z.literal('error'), ...errorResponse.shape }),
]);
export type ExecFrame = z.infer<typeof execFrame>;

export const execLogResponse = z.object({
  /** The newest first. */
  entries: z.array(
    z.object({
      id: z.string(),
      user: z.string(),
      argv: z.array(z.string()),
      cwd: nullable(z.string()),
      startedAt: time,
      endedAt: nullable(time),
      /** null: still running. */
      outcome: nullable(execOutcome),
      exitCode: nullable(z.number()),
      signal: nullable(z.string()),
      durationMs: nullable(z.number()),
    }),
  ),
  /** Lines that can't be read, such as one cut short by a crash, among those that were looked at. */
  damagedLines: z.number(),
  /** Older commands that the log had to let go. */
  droppedEntries: z._default(z.number(), 0),
});

export const heartbeatResponse = z.object({
  receivedAt: time,
  lease: leaseResponse,
  shutdown: nullable(shutdownResponse),
});

const logFile = z.object({ file: z.string(), sizeBytes: z.number(), modifiedAt: time });

/** With no file asked for, `files` lists what can be read; else `content` has the last lines of it. */
export const logsResponse = z.object({
  files: nullable(z.array(logFile)),
  content: nullable(
    z.object({
      ...logFile.shape,
      lines: z.array(z.string()),
      /** Whether the file has more lines before these. */
      more: z.boolean(),
    }),
  ),
});

/** One line of the answer to `/logs/stream`. */
export const logFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('line'), line: z.string() }),
  /** Another file has taken the name, or this one was cut: what follows is from its beginning. */
  z.object({ type: z.literal('rotated') }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('error'), ...errorResponse.shape }),
]);
export type LogFrame = z.infer<typeof logFrame>;

export const cloudInitResponse = z.object({
  status: z.enum(['not-started', 'running', 'done', 'degraded', 'error', 'disabled', 'absent']),
  /** The stage it is in, such as `modules-config`. */
  stage: nullable(z.string()),
  datasource: nullable(z.string()),
  startedAt: nullable(time),
  finishedAt: nullable(time),
  errors: z.array(z.string()),
  recoverableErrors: z.array(z.string()),
});

/** The JSON answer of each route; `/logs/stream` sends lines of `logFrame`. */
export const responseSchemas = {
  health: healthResponse,
  status: statusResponse,
  metrics: metricsResponse,
  processes: processesResponse,
  exec: execResponse,
  execLog: execLogResponse,
  heartbeat: heartbeatResponse,
  logs: logsResponse,
  logsStream: logFrame,
  cloudInit: cloudInitResponse,
  activity: activityResponse,
  activityHistory: activityHistoryResponse,
  keep: keepResponse,
  shutdown: shutdownResponse,
  /** null: nothing was ever asked for. */
  projectConfig: z.object({ config: nullable(setupConfig) }),
  projectStatus: setupStatus,
  projectSetup: setupStartResponse,
  devtools: devtoolsResponse,
  services: servicesResponse,
  servicesRestart: servicesResponse,
} as const satisfies Record<RouteName, z.ZodMiniType>;

export type AgentResponse<Name extends RouteName> = z.infer<(typeof responseSchemas)[Name]>;
