/** What the shapes of `--json` are made of. */
import * as z from 'zod/mini';
import { money, moneyLimit, tariff } from './json-money.ts';

export const time = z.iso.datetime();
export const nullable = <T extends z.ZodMiniType>(schema: T) => z.nullable(schema);
const imageRef = z.union([
  z.strictObject({ kind: z.literal('slug'), slug: z.string() }),
  z.strictObject({ kind: z.literal('id'), id: z.string() }),
]);
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
  tailnet: nullable(z.strictObject({ host: z.string(), isPublicClosed: z.boolean() })),
  hostIdentity: z.enum(['booting', 'rotating', 'pinned', 'lost']),
  agentVersion: nullable(z.string()),
  directory: z.string(),
  createdAt: time,
  readyAt: nullable(time),
  expiresAt: nullable(time),
  idleTimeoutMs: nullable(z.number()),
  tariff: nullable(tariff),
};
export const instance = z.strictObject({
  ...instanceFields,
  costSoFar: z.optional(nullable(money)),
  remarks: z.optional(z.array(z.string())),
});

/** A machine of yours that the provider has and spuff has not written down. */
export const untracked = z.strictObject({
  key: z.string(),
  instanceName: nullable(z.string()),
  provider: z.string(),
  vmId: z.string(),
  vmState,
  region: z.string(),
  size: z.string(),
  billed: z.boolean(),
  createdAt: time,
  expiresAt: nullable(time),
  remarks: z.array(z.string()),
});

export const snapshot = z.strictObject({
  id: z.string(),
  name: z.string(),
  provider: z.string(),
  key: nullable(z.string()),
  instanceName: nullable(z.string()),
  createdAt: time,
  sizeBytes: nullable(z.number()),
  region: nullable(z.string()),
  billed: z.boolean(),
  monthly: nullable(money),
});

export const size = z.strictObject({
  id: z.string(),
  vcpus: z.number(),
  memoryMiB: z.number(),
  diskGiB: nullable(z.number()),
  arch: z.enum(['x86_64', 'arm64']),
  gpu: z.boolean(),
  hourly: nullable(money),
  regions: z.array(z.strictObject({ id: z.string(), available: z.boolean() })),
});

export const orphan = z.strictObject({
  kind: z.enum(['vm', 'volume', 'snapshot', 'image', 'ip', 'firewall', 'sshkey', 'nic', 'network']),
  id: z.string(),
  name: z.string(),
  key: nullable(z.string()),
  billed: z.boolean(),
  provider: z.string(),
  instanceName: nullable(z.string()),
  createdAt: nullable(time),
});

export const leftover = z.strictObject({
  kind: z.enum(['vm', 'volume', 'snapshot', 'image', 'ip', 'firewall', 'sshkey', 'nic', 'network']),
  id: z.string(),
  name: z.string(),
  key: nullable(z.string()),
  billed: z.boolean(),
  provider: z.string(),
});

export const receipt = z.strictObject({
  key: z.string(),
  name: z.string(),
  provider: z.string(),
  region: z.string(),
  size: z.string(),
  vmId: z.string(),
  directory: nullable(z.string()),
  by: z.enum(['down', 'reap', 'up']),
  why: z.enum(['past-deadline', 'off-by-itself', 'asked', 'failed-up', 'interrupted-down', 'gone']),
  createdAt: time,
  endedAt: nullable(time),
  assumedEndAt: nullable(time),
  tariff: nullable(tariff),
  cost: nullable(money),
  snapshot: nullable(z.string()),
  rescue: nullable(
    z.strictObject({ outcome: z.enum(['saved', 'nothing', 'failed']), name: nullable(z.string()) }),
  ),
});

export const reapError = z.strictObject({ code: z.string(), message: z.string() });

export const reaped = z.strictObject({
  provider: z.string(),
  id: z.string(),
  key: nullable(z.string()),
  name: nullable(z.string()),
  state: vmState,
  outcome: z.enum(['kept', 'to-be-destroyed', 'destroyed', 'gone', 'failed']),
  why: z.enum([
    'not-spuffs',
    'being-made',
    'ending',
    'unclear',
    'leased',
    'no-deadline',
    'just-off',
    'off-by-owner',
    'off-for-unknown-reason',
    'past-deadline',
    'off-by-itself',
    'at-work',
    'interrupted-down',
    'gone',
  ]),
  until: nullable(time),
  snapshot: nullable(z.string()),
  receipt: nullable(receipt),
  error: nullable(reapError),
});

export const image = z.strictObject({
  name: z.string(),
  ref: imageRef,
  os: z.string(),
  arch: z.enum(['x86_64', 'arm64']),
  sizeBytes: nullable(z.number()),
  createdAt: nullable(time),
});

export const plan = z.strictObject({
  name: z.string(),
  provider: z.string(),
  region: z.string(),
  otherRegions: z.array(z.string()),
  size: z.string(),
  image: imageRef,
  spot: z.boolean(),
  user: z.string(),
  owner: z.string(),
  directory: z.string(),
  ttlMs: nullable(z.number()),
  idleTimeoutMs: nullable(z.number()),
  onIdle: z.enum(['destroy', 'snapshot']),
  allowSshFrom: nullable(z.array(z.string())),
  tailnet: z.boolean(),
  tariff: nullable(tariff),
  dearest: nullable(tariff),
  isBilled: z.boolean(),
  maxSpend: nullable(moneyLimit),
  most: nullable(money),
  sshPublicKeyPath: nullable(z.string()),
  hourly: nullable(money),
  requests: z.array(z.strictObject({ method: z.string(), path: z.string(), body: z.unknown() })),
});

/** A part of a status: what was asked for, or why it could not be had. */
export const part = <T extends z.ZodMiniType>(value: T) =>
  z.union([
    z.strictObject({ ok: z.literal(true), value }),
    z.strictObject({
      ok: z.literal(false),
      error: z.strictObject({ code: z.string(), message: z.string() }),
    }),
  ]);

/** Whether a machine is in use, and what would end it when. */
export const verdict = z.strictObject({
  inUse: z.boolean(),
  why: z.array(z.string()),
  idleSince: nullable(time),
  heldUntil: nullable(time),
  actsAt: nullable(time),
  reason: nullable(z.string()),
  isWarned: z.boolean(),
});

export const machine = z.strictObject({
  id: z.string(),
  state: vmState,
  rawState: z.string(),
  ipv4: nullable(z.string()),
  ipv6: nullable(z.string()),
  billed: z.boolean(),
});

/** What the agent answers is in its own protocol, which is versioned on its own. */
export const agentAnswer = z.record(z.string(), z.unknown());
export const ofInstance = { instance: z.string() };
export const envelope = <T extends Record<string, z.ZodMiniType>>(fields: T) =>
  z.strictObject({ version: z.literal(1), ...fields });

export const logFile = { file: z.string(), sizeBytes: z.number(), modifiedAt: time };
