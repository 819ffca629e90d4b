/**
 * What `--json` prints, as schemas. Commands do not load this file: tests hold their output to it, and docs/json.md is
 * made from it. Fields are only ever added; one that is removed or changes its meaning makes `version` 2.
 */
import * as z from 'zod/mini';

const time = z.iso.datetime();
const nullable = <T extends z.ZodMiniType>(schema: T) => z.nullable(schema);
const imageRef = z.union([
  z.strictObject({ kind: z.literal('slug'), slug: z.string() }),
  z.strictObject({ kind: z.literal('id'), id: z.string() }),
]);
const money = z.strictObject({
  amount: z.string(),
  currency: z.string(),
  basis: z.enum(['net', 'gross', 'unspecified']),
});
const vmState = z.enum([
  'provisioning',
  'running',
  'stopping',
  'stopped',
  'deleting',
  'gone',
  'failed',
  'unknown',
]);

const instanceFields = {
  key: z.string(),
  name: z.string(),
  provider: z.string(),
  phase: z.enum(['creating', 'ready', 'destroying']),
  vmId: nullable(z.string()),
  vmState: nullable(vmState),
  vmStateCheckedAt: nullable(time),
  region: z.string(),
  size: z.string(),
  arch: nullable(z.enum(['x86_64', 'arm64'])),
  image: imageRef,
  user: z.string(),
  ssh: nullable(z.strictObject({ host: z.string(), port: z.number() })),
  hostIdentity: z.enum(['booting', 'rotating', 'pinned']),
  agentVersion: nullable(z.string()),
  directory: z.string(),
  createdAt: time,
  readyAt: nullable(time),
  expiresAt: nullable(time),
  idleTimeoutMs: nullable(z.number()),
};
const instance = z.strictObject({ ...instanceFields, remarks: z.optional(z.array(z.string())) });

const snapshot = z.strictObject({
  id: z.string(),
  name: z.string(),
  provider: z.string(),
  key: nullable(z.string()),
  instanceName: nullable(z.string()),
  createdAt: time,
  sizeBytes: nullable(z.number()),
  region: nullable(z.string()),
  billed: z.boolean(),
});

const image = z.strictObject({
  name: z.string(),
  ref: imageRef,
  os: z.string(),
  arch: z.enum(['x86_64', 'arm64']),
  sizeBytes: nullable(z.number()),
  createdAt: nullable(time),
});

const plan = z.strictObject({
  name: z.string(),
  provider: z.string(),
  region: z.string(),
  size: z.string(),
  image: imageRef,
  user: z.string(),
  owner: z.string(),
  directory: z.string(),
  ttlMs: nullable(z.number()),
  idleTimeoutMs: nullable(z.number()),
  sshPublicKeyPath: nullable(z.string()),
  hourly: nullable(money),
  requests: z.array(z.strictObject({ method: z.string(), path: z.string(), body: z.unknown() })),
});

/** A part of a status: what was asked for, or why it could not be had. */
const part = <T extends z.ZodMiniType>(value: T) =>
  z.union([
    z.strictObject({ ok: z.literal(true), value }),
    z.strictObject({
      ok: z.literal(false),
      error: z.strictObject({ code: z.string(), message: z.string() }),
    }),
  ]);

const machine = z.strictObject({
  id: z.string(),
  state: vmState,
  rawState: z.string(),
  ipv4: nullable(z.string()),
  ipv6: nullable(z.string()),
  billed: z.boolean(),
});

/** What the agent answers is in its own protocol, which is versioned on its own. */
const agentAnswer = z.record(z.string(), z.unknown());
const ofInstance = { instance: z.string() };
const envelope = <T extends Record<string, z.ZodMiniType>>(fields: T) =>
  z.strictObject({ version: z.literal(1), ...fields });

const logFile = { file: z.string(), sizeBytes: z.number(), modifiedAt: time };

/** By the names that the commands give; each with a sentence for the documentation. */
export const jsonShapes = {
  instances: {
    about:
      '`up`, `ls`, `down` and `agent upgrade`: the instances that they made, know, destroyed or changed.',
    schema: envelope({ instances: z.array(instance) }),
  },
  plans: {
    about: '`up --dry-run`: what would be made. `requests` are those that the provider would get.',
    schema: envelope({ plans: z.array(plan) }),
  },
  status: {
    about: '`status`; with `--watch` one a line. `metrics` and `processes` only with `--detailed`.',
    schema: envelope({
      checkedAt: time,
      instance,
      machine: part(nullable(machine)),
      agent: part(agentAnswer),
      cloudInit: part(agentAnswer),
      activity: part(agentAnswer),
      metrics: z.optional(part(agentAnswer)),
      processes: z.optional(part(agentAnswer)),
    }),
  },
  snapshots: {
    about: '`snapshot list`, and `snapshot create` with the new one alone.',
    schema: envelope({ snapshots: z.array(snapshot) }),
  },
  images: {
    about: '`image list`, and `image build` with the one that there is now.',
    schema: envelope({ images: z.array(image) }),
  },
  log: {
    about:
      '`logs`. `more`: the file has earlier lines. With `--list` it has `files`; with `--follow` one object a line.',
    schema: z.union([
      envelope({ ...ofInstance, ...logFile, lines: z.array(z.string()), more: z.boolean() }),
      envelope({ ...ofInstance, files: z.array(z.strictObject(logFile)) }),
      envelope({ ...ofInstance, type: z.literal('line'), line: z.string() }),
      envelope({ ...ofInstance, type: z.literal('rotated') }),
    ]),
  },
  'agent-status': { about: '`agent status`.', schema: envelope({ ...ofInstance, agent: agentAnswer }) },
  'agent-metrics': { about: '`agent metrics`.', schema: envelope({ ...ofInstance, metrics: agentAnswer }) },
  'agent-processes': {
    about: '`agent processes`: of the `total`, those that use the most.',
    schema: envelope({
      ...ofInstance,
      sampledAt: time,
      sampleSeconds: z.number(),
      total: z.number(),
      processes: z.array(agentAnswer),
    }),
  },
  'agent-logs': { about: '`agent logs`.', schema: envelope({ ...ofInstance, lines: z.array(z.string()) }) },
  'agent-activity': {
    about: '`agent activity`.',
    schema: envelope({ ...ofInstance, activity: agentAnswer }),
  },
  'agent-exec-log': {
    about: '`agent exec-log`: the newest first.',
    schema: envelope({ ...ofInstance, entries: z.array(agentAnswer), damagedLines: z.number() }),
  },
  config: {
    about: '`config show`. Values are as they stand in the file; `null` is no value.',
    schema: envelope({
      path: z.string(),
      settings: z.array(
        z.strictObject({
          key: z.string(),
          value: nullable(z.string()),
          isDefault: z.boolean(),
          about: z.string(),
        }),
      ),
    }),
  },
  'config-value': {
    about: '`config get`.',
    schema: envelope({ key: z.string(), value: nullable(z.string()), isDefault: z.boolean() }),
  },
  'config-path': { about: '`config path`.', schema: envelope({ path: z.string() }) },
  doctor: {
    about: '`doctor`. `ok`: no check failed.',
    schema: envelope({
      ok: z.boolean(),
      checks: z.array(
        z.strictObject({
          name: z.string(),
          outcome: z.enum(['ok', 'warn', 'fail']),
          what: z.string(),
          hints: z.array(z.string()),
        }),
      ),
    }),
  },
  version: {
    about: '`version`. `protocol` is that between the CLI and the agent.',
    schema: envelope({
      spuff: z.string(),
      protocol: z.number(),
      node: z.string(),
      platform: z.string(),
      arch: z.string(),
    }),
  },
  error: {
    about:
      'Any command with `--json` that fails prints this on standard error; `errors` when it worked on several names.',
    schema: envelope({
      error: z.strictObject({
        code: z.string(),
        message: z.string(),
        hints: z.array(z.string()),
        exitStatus: z.number(),
        retryHelps: z.boolean(),
        errors: z.optional(
          z.array(
            z.strictObject({
              name: z.string(),
              code: z.string(),
              message: z.string(),
              hints: z.array(z.string()),
            }),
          ),
        ),
      }),
    }),
  },
} as const satisfies Record<string, { about: string; schema: z.ZodMiniType }>;

export type JsonShapeName = keyof typeof jsonShapes;
