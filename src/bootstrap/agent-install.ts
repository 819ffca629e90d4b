import { readFile, stat } from 'node:fs/promises';
import { type IdleThresholds, renderAgentConfig, renderAgentEnvironment } from '../domain/agent-config.ts';
import { SpuffError } from '../domain/errors.ts';
import { checkUserName } from '../domain/names.ts';
import { escapeText } from '../lib/escape.ts';
import { type ArchiveFile, packFiles } from './agent-archive.ts';
import { installScript, missingRuntimeStatus } from './agent-install-script.ts';
import { agentUnitTargets, renderAgentUnits } from './agent-units.ts';
import { forwardedAgentScript } from './forwarded-agent.ts';
import { renderKnownHosts } from './known-hosts.ts';

/** How long the machine may live; nulls switch a limit off. */
export interface AgentLease {
  deadline: Date | null;
  idleTimeoutMs: number | null;
}

export interface AgentInstallation {
  version: string;
  /** The bundle, `agent.cjs`, on this machine. */
  bundlePath: string;
  bundleSha256: string;
  /** The pinned runtime for the machine; only fetched when the machine lacks it. */
  runtimeSha256: string;
  runtimePath: () => Promise<string>;
  /** The login user of the machine. */
  user: string;
  /** SHA-256 of the token in hex. */
  tokenSha256: string;
  lease: AgentLease;
  /** What counts as use of the machine; the agent knows the defaults. */
  idle?: Partial<IdleThresholds>;
  /** How long the pre-down hook may take, in whole seconds. */
  preDownSeconds?: number;
  /** Lines of known_hosts: `name type base64`. */
  knownHosts: readonly string[];
}

/** Runs a program on the machine as the login user, over a connection that has been verified. */
export type RunOnMachine = (
  argv: readonly string[],
  options: { stdin: AsyncIterable<Uint8Array>; timeoutMs: number },
) => Promise<{ exitCode: number; stderr: string }>;

const usualTimeoutMs = 60_000;
/** 45 MB over a slow line. */
const uploadTimeoutMs = 15 * 60_000;

/**
 * Installs the agent, or brings it to this version, and starts it: one round trip, and a second one with the runtime
 * where the machine has none. Nothing is downloaded by the machine; what arrives is checked against its SHA-256 before
 * it takes its place. Safe to repeat and safe to interrupt: the new version takes over by one rename.
 * @param onProgress gets a word when the slow way is taken
 * @throws SpuffError `agent` with what the machine said, `config` for a user name that can't be, `internal` for a line of
 *   known_hosts that is none
 */
export async function installAgent(
  run: RunOnMachine,
  installation: AgentInstallation,
  onProgress: (what: string) => void = () => undefined,
): Promise<void> {
  const argv = installCommand(installation);
  const files = await installFiles(installation);
  const first = await run(argv, { stdin: await packFiles(files), timeoutMs: usualTimeoutMs });
  if (first.exitCode === 0) return;
  if (first.exitCode !== missingRuntimeStatus) throw installFailed(first.stderr);
  onProgress('uploading the runtime of the agent (once per machine)');
  const withRuntime: ArchiveFile[] = [...files, await runtimeFile(installation)];
  const second = await run(argv, { stdin: await packFiles(withRuntime), timeoutMs: uploadTimeoutMs });
  if (second.exitCode !== 0) throw installFailed(second.stderr);
}

/** The program to run on the machine; its standard input takes `packFiles(await installFiles(…))`. */
export function installCommand(installation: AgentInstallation): string[] {
  const { version, bundleSha256, runtimeSha256 } = installation;
  if (!/^[0-9A-Za-z.+-]{1,40}$/.test(version)) throw new TypeError('a version is a plain word');
  for (const sha256 of [bundleSha256, runtimeSha256, installation.tokenSha256]) {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError('a SHA-256 is 64 hex digits');
  }
  const folder = `${version}-${bundleSha256.slice(0, 12)}-${runtimeSha256.slice(0, 12)}`;
  return ['sudo', '-n', 'sh', '-c', installScript, 'spuff-install', folder, bundleSha256, runtimeSha256];
}

/** What is sent, all but the runtime. */
export async function installFiles(installation: AgentInstallation): Promise<ArchiveFile[]> {
  const { user, tokenSha256, preDownSeconds } = installation;
  const bundle = await readFile(installation.bundlePath);
  const units = Object.entries(renderAgentUnits(user, preDownSeconds));
  const targets = Object.entries(agentUnitTargets).map(([unit, target]) => `${unit} ${target}\n`);
  return [
    { path: 'agent.cjs', content: bundle, mode: 0o644 },
    { path: 'etc/agent.env', content: renderAgentEnvironment(tokenSha256), mode: 0o600 },
    { path: 'etc/agent.json', content: renderConfig(installation), mode: 0o644 },
    { path: 'forwarded-agent', content: forwardedAgentScript, mode: 0o755 },
    { path: 'known_hosts', content: renderKnownHosts(installation.knownHosts), mode: 0o644 },
    { path: 'targets', content: targets.join(''), mode: 0o644 },
    ...units.map(([name, content]) => ({ path: `units/${name}`, content, mode: 0o644 })),
  ];
}

function renderConfig({ user, lease, idle, preDownSeconds }: AgentInstallation): string {
  const { deadline, idleTimeoutMs } = lease;
  return renderAgentConfig({
    user: checkUserName(user),
    deadline: deadline === null ? null : Math.floor(deadline.getTime() / 1_000),
    idleTimeoutSeconds: idleTimeoutMs === null ? null : Math.ceil(idleTimeoutMs / 1_000),
    ...(idle && { idle }),
    ...(preDownSeconds !== undefined && { preDownSeconds }),
  });
}

async function runtimeFile({ runtimePath }: AgentInstallation): Promise<ArchiveFile> {
  const sourcePath = await runtimePath();
  return { path: 'node', sourcePath, bytes: (await stat(sourcePath)).size, mode: 0o755 };
}

function installFailed(stderr: string): SpuffError {
  const said = escapeText(stderr.trim().split('\n').slice(-3).join('; '), { singleLine: true });
  return new SpuffError(
    'agent',
    `spuff-agent could not be installed: ${said || 'the machine gave no reason'}`,
    {
      hints: ['run the command again: what is in place already is kept'],
    },
  );
}
