/**
 * What `--json` prints, as schemas. Commands do not load this file: tests hold their output to it, and docs/json.md is
 * made from it. Fields are only ever added; one that is removed or changes its meaning makes `version` 2.
 */
import * as z from 'zod/mini';
import { auditShapes } from './json-audit.ts';
import { bundleShapes } from './json-bundles.ts';
import { guardShapes } from './json-guard.ts';
import { inspectionShapes } from './json-inspection.ts';
import { keyShapes } from './json-keys.ts';
import { budgetUse, costGroup, money, runningCost, tariff, unknownCost } from './json-money.ts';
import {
  agentAnswer,
  envelope,
  image,
  instance,
  leftover,
  logFile,
  machine,
  nullable,
  ofInstance,
  orphan,
  part,
  plan,
  reapError,
  reaped,
  size,
  snapshot,
  time,
  untracked,
  verdict,
} from './json-parts.ts';
import { policyShapes } from './json-policy.ts';
import { prebuildShapes } from './json-prebuild.ts';
import { projectShapes } from './json-project.ts';
import { rescueShapes } from './json-rescue.ts';
import { setupAnswer, setupShapes } from './json-setup.ts';
import { syncShapes } from './json-sync.ts';
import { tunnelShapes } from './json-tunnel.ts';
import { volumeShapes } from './json-volume.ts';

const failure = { code: z.string(), message: z.string(), hints: z.array(z.string()) };

/** By the names that the commands give; each with a sentence for the documentation. */
export const jsonShapes = {
  instances: {
    about:
      '`up`, `ls`, `down` and `agent upgrade`: the instances that they made, know, destroyed or changed. `untracked`, only ' +
      'with `ls --refresh`: machines of yours that are not in the state; `spuff down KEY` destroys one. `kept`, only with `down`: the ' +
      'snapshot and the saved work of each, where there are any.',
    schema: envelope({
      instances: z.array(instance),
      untracked: z.optional(z.array(untracked)),
      kept: z.optional(
        z.array(
          z.strictObject({ key: z.string(), snapshot: nullable(z.string()), rescue: nullable(z.string()) }),
        ),
      ),
    }),
  },
  plans: {
    about: '`up --dry-run`: what would be made. `requests` are those that the provider would get.',
    schema: envelope({ plans: z.array(plan) }),
  },
  status: {
    about: '`status`; with `--watch` one a line. `metrics`, `processes` and `setup` only with `--detailed`.',
    schema: envelope({
      checkedAt: time,
      instance,
      machine: part(nullable(machine)),
      agent: part(agentAnswer),
      cloudInit: part(agentAnswer),
      activity: part(agentAnswer),
      metrics: z.optional(part(agentAnswer)),
      processes: z.optional(part(agentAnswer)),
      setup: z.optional(part(setupAnswer)),
    }),
  },
  ...setupShapes,
  why: {
    about:
      '`why`; with `--watch` one a line, without `history`. `verdict` is null while the agent does not say; `actsAt` is when the ' +
      'machine powers off if nothing changes, and while it is in use, if all of that stopped now. `cost` is null where nothing ' +
      'is billed or the price is not known.',
    schema: envelope({
      ...ofInstance,
      checkedAt: time,
      machine: part(z.string()),
      activity: part(agentAnswer),
      history: nullable(agentAnswer),
      verdict: nullable(verdict),
      expiresAt: nullable(time),
      tariff: nullable(tariff),
      cost: nullable(z.strictObject({ soFar: money, byThen: nullable(money) })),
      guestPoweroff: nullable(z.enum(['deletes', 'stops-compute-billing', 'nothing'])),
    }),
  },
  keep: {
    about: '`keep`: until when the machine is kept on, at most until its `deadline`; null: it no longer is.',
    schema: envelope({ ...ofInstance, until: nullable(time), deadline: nullable(time) }),
  },
  providers: {
    about: '`providers`: each with what it says of your account, or why it could not be asked.',
    schema: envelope({
      providers: z.array(
        z.strictObject({
          id: z.string(),
          isDefault: z.boolean(),
          access: part(
            z.strictObject({
              account: z.string(),
              missing: z.array(z.string()),
              machines: nullable(z.strictObject({ used: z.number(), limit: z.number() })),
            }),
          ),
        }),
      ),
    }),
  },
  sizes: {
    about: '`sizes`: the cheapest first; `hourly` is null where nothing is billed or the price is not known.',
    schema: envelope({ provider: z.string(), sizes: z.array(size) }),
  },
  regions: {
    about: '`regions`: `allowed` says whether the settings let machines be made there.',
    schema: envelope({
      provider: z.string(),
      regions: z.array(z.strictObject({ id: z.string(), available: z.boolean(), allowed: z.boolean() })),
    }),
  },
  cost: {
    about:
      '`cost`. Each list of amounts has one for each currency, and for net and gross. `most` is what a machine comes to by its ' +
      'deadline, `hourly` that of all that run; `unknown` is in no sum; `ahead` is what may come on top until the month ends.',
    schema: envelope({
      month: z.string(),
      running: z.array(runningCost),
      hourly: z.array(money),
      groups: z.array(costGroup),
      total: z.array(money),
      unknown: z.array(unknownCost),
      budgets: z.array(budgetUse),
    }),
  },
  orphans: {
    about: '`orphans`: what is there, or, with `--remove`, what was destroyed.',
    schema: envelope({ orphans: z.array(orphan) }),
  },
  reap: {
    about:
      '`reap`: each machine of spuff with what became of it (`to-be-destroyed` with `--dry-run`), what dead ones had left ' +
      'behind, and the providers that could not be asked. `receipt` is null where another reaper has written it.',
    schema: envelope({
      machines: z.array(reaped),
      leftovers: z.array(leftover),
      failures: z.array(z.strictObject({ provider: z.string(), error: reapError })),
    }),
  },
  'reaper-timer': {
    about: '`reaper install` and `reaper status`. `active`: it runs by itself.',
    schema: envelope({
      kind: z.enum(['systemd', 'launchd', 'cron']),
      installed: z.boolean(),
      active: z.boolean(),
      files: z.array(z.string()),
    }),
  },
  firewall: {
    about: '`firewall`: the networks that may reach port 22; null: everybody.',
    schema: envelope({ instance: z.string(), allowSshFrom: nullable(z.array(z.string())) }),
  },
  snapshots: {
    about:
      '`snapshot list`, and `snapshot create` with the new one alone. `monthly` is what it costs a month; null where nothing is ' +
      'billed or it is not known.',
    schema: envelope({ snapshots: z.array(snapshot) }),
  },
  'snapshots-pruned': {
    about:
      '`snapshot prune`: what is too many or too old, and what of it was deleted. `foreign`: how many more would be, with `--all`.',
    schema: envelope({ surplus: z.array(snapshot), deleted: z.array(snapshot), foreign: z.number() }),
  },
  ...prebuildShapes,
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
    schema: envelope({
      ...ofInstance,
      entries: z.array(agentAnswer),
      damagedLines: z.number(),
      droppedEntries: z.number(),
    }),
  },
  ...rescueShapes,
  ...keyShapes,
  ...bundleShapes,
  ...guardShapes,
  ...projectShapes,
  ...syncShapes,
  ...tunnelShapes,
  ...auditShapes,
  ...inspectionShapes,
  ...policyShapes,
  ...volumeShapes,
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
        ...failure,
        exitStatus: z.number(),
        retryHelps: z.boolean(),
        errors: z.optional(
          z.array(
            z.strictObject({
              name: z.string(),
              ...failure,
            }),
          ),
        ),
      }),
    }),
  },
} as const satisfies Record<string, { about: string; schema: z.ZodMiniType }>;

export type JsonShapeName = keyof typeof jsonShapes;
