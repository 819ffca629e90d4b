import { hostname, release } from 'node:os';
import type { AgentConfig } from '../domain/agent-config.ts';
import { escapeText } from '../lib/escape.ts';
import type { AgentRequest } from '../protocol/request-schemas.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import type { RouteName } from '../protocol/routes.ts';
import { protocolVersion, spuffVersion } from '../protocol/version.ts';
import type { Activity } from './activity.ts';
import { AgentError } from './agent-error.ts';
import { answerExec } from './answer-exec.ts';
import { readCloudInit } from './cloud-init.ts';
import type { ExecLog } from './exec-log.ts';
import { type Executor, maxRunning } from './execute.ts';
import { followLog } from './follow-log.ts';
import type { LeaseFile } from './lease-file.ts';
import { type AskUser, listServices, restartServices } from './list-services.ts';
import { readBootMs } from './machine-boot.ts';
import type { MachinePaths } from './machine-paths.ts';
import type { MetricsSource } from './metrics.ts';
import { listLogs, openLog } from './open-log.ts';
import type { PlannedShutdown, Power } from './power.ts';
import { listProcesses } from './process-list.ts';
import { readText } from './read-file.ts';
import { readTail } from './read-log.ts';
import { listDevtools, readSetupConfig, readSetupStatus, startSetup } from './read-setup.ts';
import type { Reply, SendFrame } from './reply.ts';
import type { Handlers } from './server.ts';

export interface HandlerSources {
  paths: MachinePaths;
  metrics: MetricsSource;
  executor: Executor;
  execLog: ExecLog;
  activity: Activity;
  lease: LeaseFile;
  power: Power;
  /** Runs a command as the login user. */
  askUser: AskUser;
  setupTriggerPath: string;
  /** What could not be had at the start. */
  problems: readonly string[];
  /** Unix time in ms. */
  now: () => number;
}

/** More open `/logs/stream` than this are refused. */
const maxLogStreams = 8;

export function createHandlers(sources: HandlerSources): Handlers {
  const { paths, metrics, executor, execLog, activity, lease, power, now } = sources;
  const startedAtMs = now();
  const uptimeSeconds = () => Math.floor((now() - startedAtMs) / 1_000);
  let logStreams = 0;
  return {
    health: () =>
      json<'health'>({ version: spuffVersion, protocol: protocolVersion, uptimeSeconds: uptimeSeconds() }),
    status: () => json<'status'>(readStatus(sources, startedAtMs, uptimeSeconds())),
    metrics: async () => json<'metrics'>(await metrics.read()),
    processes: async (query) => json<'processes'>(await listProcesses(paths, query)),
    exec: (request, context) => answerExec(executor, request, context),
    execLog: ({ limit }) => json<'execLog'>(execLog.read(limit, executor.running)),
    heartbeat({ client, interactive }) {
      activity.noteHeartbeat(escapeText(client, { singleLine: true }), interactive);
      return json<'heartbeat'>({
        receivedAt: toTime(now()),
        lease: describeLease(lease.read().config),
        shutdown: describeShutdown(power.planned),
      });
    },
    logs: async (query) => json<'logs'>(await readLogs(paths, query)),
    logsStream(query, { signal }) {
      if (logStreams >= maxLogStreams)
        throw new AgentError('busy', `${maxLogStreams} logs are being followed already`);
      return {
        kind: 'stream',
        async run(send) {
          logStreams++;
          try {
            await sendAll(followLog({ root: paths.logRoot, ...query, signal }), send);
          } finally {
            logStreams--;
          }
        },
      };
    },
    cloudInit: () => json<'cloudInit'>(readCloudInit(paths)),
    activity() {
      const { config } = lease.read();
      activity.observe(config);
      return json<'activity'>(activity.answer(config, power.planned));
    },
    activityHistory: () => json<'activityHistory'>(activity.history()),
    keep: (request) => json<'keep'>(keepOn(sources, request)),
    shutdown({ delaySeconds, reason }) {
      const planned = { atMs: now() + delaySeconds * 1_000, reason };
      power.plan(planned);
      // A moment later even without a delay, so that the caller still gets the answer.
      setTimeout(() => power.tick(now()), delaySeconds * 1_000 + 100);
      return json<'shutdown'>({ at: toTime(planned.atMs), reason });
    },
    ...createSetupHandlers(sources),
  };
}

function createSetupHandlers({ paths, askUser, setupTriggerPath }: HandlerSources) {
  return {
    projectConfig: () => json<'projectConfig'>({ config: readSetupConfig(paths) }),
    projectStatus: () => json<'projectStatus'>(readSetupStatus(paths)),
    projectSetup: () => json<'projectSetup'>(startSetup(paths, setupTriggerPath)),
    devtools: () => json<'devtools'>(listDevtools(paths)),
    services: async () => json<'services'>(await listServices(askUser, readSetupConfig(paths))),
    servicesRestart: async ({ service }: AgentRequest<'servicesRestart'>) =>
      json<'servicesRestart'>(await restartServices(askUser, readSetupConfig(paths), service)),
  } satisfies Partial<Handlers>;
}

/** Holds the machine on; the deadline stays where it is, whatever the wish. */
function keepOn(
  { activity, lease, now }: HandlerSources,
  { seconds, until, reason }: AgentRequest<'keep'>,
): AgentResponse<'keep'> {
  const { config } = lease.read();
  const untilMs = until === undefined ? now() + (seconds ?? 0) * 1_000 : Date.parse(until);
  const isWish = untilMs > now();
  activity.hold(isWish ? { untilMs, reason: escapeText(reason, { singleLine: true }) } : null);
  const deadlineMs = config.deadline === null ? Number.POSITIVE_INFINITY : config.deadline * 1_000;
  return {
    until: isWish ? toTime(Math.min(untilMs, deadlineMs)) : null,
    deadline: describeLease(config).deadline,
  };
}

/** Types the answer as the protocol has it. */
function json<Name extends RouteName>(body: AgentResponse<Name>): Reply {
  return { kind: 'json', body };
}

async function sendAll(frames: AsyncGenerator<unknown>, send: SendFrame): Promise<void> {
  for await (const frame of frames) await send(frame);
}

function readStatus(
  sources: HandlerSources,
  startedAtMs: number,
  uptimeSeconds: number,
): AgentResponse<'status'> {
  const { paths, executor, execLog, activity, lease, power } = sources;
  const { config, problem } = lease.read();
  const bootedAtMs = readBootMs(paths);
  const os = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readText(paths.osRelease) ?? '')?.[1];
  return {
    version: spuffVersion,
    protocol: protocolVersion,
    runtime: `node ${process.version}`,
    startedAt: toTime(startedAtMs),
    uptimeSeconds,
    residentBytes: process.memoryUsage.rss(),
    user: config.user,
    machine: {
      hostname: hostname(),
      kernel: release(),
      os: os === undefined ? null : escapeText(os, { singleLine: true }),
      bootedAt: bootedAtMs === null ? null : toTime(bootedAtMs),
      instanceId: readText(paths.instanceId)?.trim() ?? null,
    },
    exec: { running: executor.running.size, maximum: maxRunning },
    clients: activity.clients.map(({ client, interactive, lastSeenAtMs }) => ({
      client,
      interactive,
      lastSeenAt: toTime(lastSeenAtMs),
    })),
    lease: describeLease(config),
    shutdown: describeShutdown(power.planned),
    problems: [...sources.problems, problem, execLog.problem, power.problem, activity.problem].filter(
      (text) => text !== null,
    ),
  };
}

async function readLogs(paths: MachinePaths, query: AgentRequest<'logs'>): Promise<AgentResponse<'logs'>> {
  if (query.file === undefined) return { files: await listLogs(paths.logRoot), content: null };
  const log = await openLog(paths.logRoot, query.file);
  try {
    const { lines, more } = await readTail(log, query.lines);
    const { path: file, stats } = log;
    return {
      files: null,
      content: { file, sizeBytes: stats.size, modifiedAt: stats.mtime.toISOString(), lines, more },
    };
  } finally {
    await log.handle.close();
  }
}

function describeLease(config: AgentConfig): AgentResponse<'heartbeat'>['lease'] {
  return {
    deadline: config.deadline === null ? null : toTime(config.deadline * 1_000),
    idleTimeoutSeconds: config.idleTimeoutSeconds,
  };
}

function describeShutdown(planned: PlannedShutdown | null): AgentResponse<'heartbeat'>['shutdown'] {
  return planned === null ? null : { at: toTime(planned.atMs), reason: planned.reason };
}

function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
