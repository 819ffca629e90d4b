import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { en } from 'zod/locales';
import { config as configureZod } from 'zod/mini';
import { escapeText } from '../lib/escape.ts';
import { routes } from '../protocol/routes.ts';
import { createActivity } from './activity.ts';
import { createBootClock } from './boot-clock.ts';
import { allowedHosts, createTokenCheck } from './check-request.ts';
import { createExecLog } from './exec-log.ts';
import { askQuietly, createExecutor, runQuietly } from './execute.ts';
import { createHandlers } from './handlers.ts';
import { createHistory } from './history.ts';
import { createLeaseFile } from './lease-file.ts';
import { createLifecycle, type Lifecycle, tickMs } from './lifecycle.ts';
import { readBootMs } from './machine-boot.ts';
import type { MachinePaths } from './machine-paths.ts';
import { createMetricsSource } from './metrics.ts';
import { createPower } from './power.ts';
import { createSeenFile } from './seen-file.ts';
import { createAgentServer, type ServerOptions, type SharedLimits } from './server.ts';

export interface AgentOptions {
  paths: MachinePaths;
  /** SHA-256 of the token in hex; anything else lets nobody in. */
  tokenSha256: string | undefined;
  /** Where the runner of `/exec` is reached. */
  runnerSocket: string;
  execLogPath: string;
  /** See `PowerPaths` and `LeasePaths`. */
  powerRequestPath: string;
  powerPlanPath: string;
  configPath: string;
  boundToPath: string;
  leaseCopyPath: string;
  /** What was seen since the boot, in a folder that is in memory: see `createSeenFile` and `createHistory`. */
  seenPath: string;
  historyPath: string;
  /** The program that shows a text on the terminals of the user it runs as; the text is its last argument. */
  noticeCommand: readonly string[];
  /** Made to have the project set up. */
  setupTriggerPath: string;
  limits: SharedLimits;
  /** What could not be had at the start, one sentence each, for `/status`. */
  problems: readonly string[];
  /** One line for the journal. */
  log: (line: string) => void;
}

export interface Agent {
  /** Two listeners with the same routes; the caller makes them listen. */
  tcp: Server;
  unix: Server;
  lifecycle: Lifecycle;
  /** How often the lifecycle wants its tick. */
  tickMs: number;
  /** Writes down what was seen; the last thing before the process ends. */
  save: () => void;
}

/** Puts the agent together. Nothing listens and no time passes before the caller says so. */
export function createAgent(options: AgentOptions): Agent {
  // Without a language zod says "Invalid input" to everything; without eval it compiles nothing at run time.
  configureZod({ ...en(), jitless: true });
  const { paths, log } = options;
  const now = () => Date.now();
  const monotonicMs = createBootClock(paths);
  const startedAtMs = now();
  const leasePaths = {
    config: options.configPath,
    boundTo: options.boundToPath,
    instanceId: paths.instanceId,
    copy: options.leaseCopyPath,
  };
  const lease = createLeaseFile(leasePaths, () => readBootMs(paths) ?? startedAtMs);
  const execLog = createExecLog(options.execLogPath, {
    journal: (line) => log(`exec ${escapeText(line, { singleLine: true })}`),
  });
  const executor = createExecutor({
    socketPath: options.runnerSocket,
    user: () => lease.read().config.user,
    log: execLog,
    now,
  });
  const seenFile = createSeenFile(options.seenPath, monotonicMs);
  const pastSamples = createHistory(options.historyPath, monotonicMs);
  const activity = createActivity({ paths, executor, seenFile, pastSamples, now, monotonicMs });
  const power = createPower({ request: options.powerRequestPath, plan: options.powerPlanPath }, log);
  const metrics = createMetricsSource(paths, () => performance.now());
  const shared: Omit<ServerOptions, 'allowedHosts' | 'strangers'> = {
    handlers: createHandlers({
      ...{ ...options, metrics, executor, execLog, activity, lease, power, now },
      askUser: (order) => askQuietly(options.runnerSocket, order),
    }),
    isTokenRight: createTokenCheck(options.tokenSha256),
    limits: options.limits,
    onCall: (name) => {
      if (routes[name].activity === 'call') activity.noteCall();
    },
    onFailure: (error) => log(describeFailure(error)),
  };
  const { strangers } = options.limits;
  const warn = (text: string) => {
    log(text);
    const order = { argv: [...options.noticeCommand, text], cwd: '/', timeoutMs: 10_000, maxOutputBytes: 0 };
    // Best effort: where it can't be shown, the journal has it.
    runQuietly(options.runnerSocket, order).catch((error: unknown) => log(describeFailure(error)));
  };
  const keepHint = `To keep it on, press a key, or on your computer: spuff keep ${hostname()}`;
  return {
    tcp: createAgentServer({ ...shared, allowedHosts: allowedHosts.tcp, strangers: strangers.tcp }),
    unix: createAgentServer({ ...shared, allowedHosts: allowedHosts.unix, strangers: strangers.unix }),
    lifecycle: createLifecycle({ lease, activity, metrics, power, now, monotonicMs, warn, keepHint }),
    tickMs,
    save: () => activity.save(),
  };
}

function describeFailure(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return escapeText(text);
}
