/**
 * What `up` and `setup` tell a machine to make of itself, and what the machine says of how far it is. The order travels
 * over SSH's standard input and lies in memory that root alone reads; the status is the agent's to show.
 */
import * as z from 'zod/mini';
import { setupPartKinds, setupSelections, setupStates } from '../domain/setup.ts';

const text = (longest: number) => z.string().check(z.minLength(1), z.maxLength(longest));
const absolutePath = z.string().check(z.regex(/^\/[^\0\n]*$/), z.maxLength(4_096));
const argv = z.array(z.string().check(z.maxLength(4_096))).check(z.minLength(1), z.maxLength(64));

/** Told apart: without a required tool the bundle has failed, without an optional one it says so. */
const toolCheck = z.strictObject({ tool: text(80), argv, required: z.boolean() });

/** An official archive of a maker. */
const archive = z.strictObject({
  url: z.string().check(z.regex(/^https:\/\//), z.maxLength(1_000)),
  /** In hex; a file with another is not unpacked. */
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  format: z.enum(['tar.gz', 'tar.xz', 'zip', 'file']),
  stripComponents: z.int().check(z.minimum(0), z.maximum(9)),
  /** Where it is unpacked; a folder that is made anew. */
  target: absolutePath,
  /** Links in /usr/local/bin: name, and path below the target. */
  links: z.record(text(80), text(400)),
  required: z.optional(z.boolean()),
});

/** A runtime and its tools, as data: what a machine does for it needs no knowledge of the bundle. */
export const bundlePlan = z.strictObject({
  name: z.string().check(z.regex(/^[a-z][a-z0-9-]{0,30}$/)),
  version: z.nullable(text(60)),
  aptPackages: z.array(text(120)),
  optionalAptPackages: z.optional(z.array(text(120))),
  archives: z.array(archive),
  /** `name@version`, installed globally with the machine's npm, without running the packages' scripts. */
  npmPackages: z.array(text(200)),
  optionalNpmPackages: z.optional(z.array(text(200))),
  /** Run one after the other, as root or as the login user. */
  commands: z.array(
    z.strictObject({ argv, asUser: z.boolean(), required: z.boolean(), env: z.record(text(80), z.string()) }),
  ),
  checks: z.array(toolCheck),
});

const repository = z.strictObject({
  url: text(1_000),
  /** Relative to the home. */
  path: text(400),
  branch: z.nullable(text(250)),
});

export const setupOrder = z.strictObject({
  version: z.literal(1),
  project: text(80),
  /** Where setup commands run; made when it is not there. */
  directory: absolutePath,
  env: z.record(z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]{0,200}$/)), z.string()),
  keepEnv: z.boolean(),
  bundles: z.array(bundlePlan),
  /** The AI tools, each as a bundle of its own. */
  aiTools: z.array(bundlePlan),
  packages: z.array(text(200)),
  repositories: z.array(repository),
  dotfiles: z.nullable(repository),
  /** The file's path is relative to `directory`. */
  services: z.nullable(z.strictObject({ composeFile: text(400), profiles: z.array(text(80)) })),
  /** Left out: there is none. Paths are relative to `directory`. */
  devcontainer: z.optional(
    z.strictObject({
      path: text(400),
      usesCompose: z.boolean(),
      /** Are carried from the container, or one of those beside it, to the machine's loopback. */
      ports: z
        .array(
          z.strictObject({
            port: z.int().check(z.minimum(1), z.maximum(65_535)),
            service: z.nullable(z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/))),
          }),
        )
        .check(z.maxLength(100)),
      /** Of what the container is built from. */
      hash: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
      /** The reference command line. */
      cli: bundlePlan,
    }),
  ),
  setup: z.array(text(64 * 1024)),
  postUp: z.array(text(64 * 1024)),
  preDown: z.array(text(64 * 1024)),
});

export type SetupOrder = z.infer<typeof setupOrder>;
export type BundlePlan = z.infer<typeof bundlePlan>;

/** How one run is to treat the order. */
export const setupRequest = z.strictObject({
  /** By which the status tells the run from others. */
  run: z.string().check(z.regex(/^[0-9a-z-]{1,40}$/)),
  /** null: all of it. */
  only: z.nullable(z.array(z.enum(setupSelections))),
  /** Also what is done and unchanged. */
  again: z.boolean(),
  /** Whether a session lends an SSH agent meanwhile, so that waiting for it makes sense. */
  lends: z.boolean(),
});
export type SetupRequest = z.infer<typeof setupRequest>;

/** The order as it may be shown: of the variables their names alone. */
export const setupConfig = z.object({
  project: z.string(),
  directory: z.string(),
  envNames: z.array(z.string()),
  keepEnv: z.boolean(),
  bundles: z.array(z.object({ name: z.string(), version: z.nullable(z.string()) })),
  aiTools: z.array(z.object({ name: z.string(), version: z.nullable(z.string()) })),
  packages: z.array(z.string()),
  repositories: z.array(z.object({ url: z.string(), path: z.string(), branch: z.nullable(z.string()) })),
  dotfiles: z.nullable(z.object({ url: z.string(), path: z.string(), branch: z.nullable(z.string()) })),
  services: z.nullable(z.object({ composeFile: z.string(), profiles: z.array(z.string()) })),
  devcontainer: z.optional(z.object({ path: z.string() })),
  setup: z.array(z.string()),
  postUp: z.array(z.string()),
  preDown: z.array(z.string()),
});
export type SetupConfig = z.infer<typeof setupConfig>;

const state = z.enum(setupStates);
const time = z.nullable(z.iso.datetime());

export const setupPart = z.object({
  kind: z.enum(setupPartKinds),
  /** Of the bundle or tool; the number of the script; else as the kind. */
  name: z.string(),
  state,
  startedAt: time,
  endedAt: time,
  /** What went wrong, or what is being done; already escaped. */
  detail: z.nullable(z.string()),
  /** Relative to /var/log. */
  log: z.nullable(z.string()),
  /** The packages, tools or repositories of this part, where they differ from it. */
  items: z.array(z.object({ name: z.string(), state, detail: z.nullable(z.string()) })),
});

export const setupStatus = z.object({
  /** null: nothing was ever asked for. */
  project: z.nullable(z.string()),
  /** Of the last run; null as `project`. */
  run: z.nullable(z.string()),
  state,
  startedAt: time,
  endedAt: time,
  /** Why it did not come to its end, where no part says so. */
  detail: z.nullable(z.string()),
  parts: z.array(setupPart),
});

export type SetupStatus = z.infer<typeof setupStatus>;
export type SetupPart = z.infer<typeof setupPart>;

/** `running`: one was at work already, and nothing was started. */
export const setupStartResponse = z.object({ outcome: z.enum(['started', 'running']) });

/** Bundles and AI tools as the checks found them when they were last set up. */
export const devtoolsResponse = z.object({
  devtools: z.array(
    z.object({
      kind: z.enum(['bundle', 'ai']),
      name: z.string(),
      state,
      detail: z.nullable(z.string()),
      /** `version` is the first line of what the tool answered; null: it did not. */
      tools: z.array(z.object({ name: z.string(), state, version: z.nullable(z.string()) })),
    }),
  ),
});

export const servicesResponse = z.object({
  /** null: the project has none. */
  composeFile: z.nullable(z.string()),
  services: z.array(
    z.object({
      name: z.string(),
      container: z.string(),
      /** docker's word: `running`, `exited`. */
      state: z.string(),
      /** docker's sentence: `Up 3 minutes (healthy)`. */
      status: z.string(),
      image: z.string(),
      ports: z.string(),
    }),
  ),
});
