/** What the agent accepts. Unknown keys are refused, so that a misspelt option is an error and not a default. */
import * as z from 'zod/mini';
import type { RouteName } from './routes.ts';

/** No argument or path of a process can hold a NUL. */
const argument = z
  .string()
  .check(z.refine((text) => !text.includes('\0'), 'a NUL character can not be passed to a program'));

const wholeNumber = (minimum: number, maximum: number) =>
  z.int().check(z.minimum(minimum), z.maximum(maximum));

/** A number in a query string. */
const numberText = (minimum: number, maximum: number) =>
  z.pipe(
    z.string().check(z.regex(/^\d{1,9}$/, 'expected a whole number')),
    z.pipe(z.transform(Number), wholeNumber(minimum, maximum)),
  );

const execRequest = z.strictObject({
  /** The program and its arguments; no shell reads them. */
  argv: z.array(argument).check(
    z.minLength(1),
    z.maxLength(4096),
    z.refine((argv) => argv[0] !== '', 'the program has no name'),
  ),
  /** Absolute; the login user's home when missing. */
  cwd: z.optional(argument.check(z.regex(/^\//, 'expected an absolute path'), z.maxLength(4096))),
  timeoutSeconds: z._default(wholeNumber(1, 86_400), 60),
  /** Of both streams together. A command that prints more is ended. */
  maxOutputBytes: z._default(wholeNumber(0, 64 * 1024 * 1024), 1024 * 1024),
});

const heartbeatRequest = z.strictObject({
  /** Who is there, such as `spuff/0.1.0`. */
  client: z.string().check(z.minLength(1), z.maxLength(80)),
  /** Whether a person works on the machine through it: then it counts as activity. */
  interactive: z.boolean(),
});

const shutdownRequest = z.strictObject({
  delaySeconds: z._default(wholeNumber(0, 3_600), 0),
  reason: z.string().check(z.minLength(1), z.maxLength(200)),
});

/** One of the two says until when; 0 seconds end it. */
const keepRequest = z
  .strictObject({
    seconds: z.optional(wholeNumber(0, 366 * 86_400)),
    until: z.optional(z.iso.datetime()),
    reason: z._default(z.string().check(z.minLength(1), z.maxLength(200)), 'the owner wants it'),
  })
  .check(
    z.refine(
      ({ seconds, until }) => (seconds === undefined) !== (until === undefined),
      'give either seconds or until',
    ),
  );

const processesQuery = z.strictObject({
  sort: z._default(z.enum(['cpu', 'memory']), 'cpu'),
  limit: z._default(numberText(1, 200), 20),
});

const execLogQuery = z.strictObject({ limit: z._default(numberText(1, 1_000), 50) });

/** A path under /var/log, absolute or relative to it. */
const logFile = argument.check(z.minLength(1), z.maxLength(1_024));

const logsQuery = z.strictObject({
  /** Missing: the readable files are listed. */
  file: z.optional(logFile),
  lines: z._default(numberText(1, 5_000), 100),
});

const logsStreamQuery = z.strictObject({
  file: logFile,
  /** How many of the last lines to begin with. */
  lines: z._default(numberText(0, 5_000), 10),
});

/** A service of the project's compose file; missing: all of them. */
const servicesRestartRequest = z.strictObject({
  service: z.optional(
    z
      .string()
      .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'expected the name of a service'), z.maxLength(100)),
  ),
});

const none = z.strictObject({});

/** The query string of each GET route and the body of each POST route. */
export const requestSchemas = {
  health: none,
  status: none,
  metrics: none,
  processes: processesQuery,
  exec: execRequest,
  execLog: execLogQuery,
  heartbeat: heartbeatRequest,
  logs: logsQuery,
  logsStream: logsStreamQuery,
  cloudInit: none,
  activity: none,
  activityHistory: none,
  keep: keepRequest,
  shutdown: shutdownRequest,
  projectConfig: none,
  projectStatus: none,
  projectSetup: none,
  devtools: none,
  services: none,
  servicesRestart: servicesRestartRequest,
} as const satisfies Record<RouteName, z.ZodMiniType>;

/** As the handler gets it, after defaults. */
export type AgentRequest<Name extends RouteName> = z.output<(typeof requestSchemas)[Name]>;

/** As the client gives it. */
export type AgentRequestInput<Name extends RouteName> = z.input<(typeof requestSchemas)[Name]>;
