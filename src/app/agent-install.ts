import { type AgentInstallation, installAgent, type RunOnMachine } from '../bootstrap/agent-install.ts';
import type { IdleThresholds } from '../domain/agent-config.ts';
import { SpuffError } from '../domain/errors.ts';
import { forgeHostKeys } from '../domain/forge-keys.ts';
import type { Instance } from '../domain/instance.ts';
import type { Settings } from '../domain/settings.ts';
import { hashAgentToken } from '../lib/agent-token.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

/**
 * Puts the agent that this spuff carries on a machine whose host key is pinned, with its lease, and starts it. Safe to
 * repeat; also how an older agent is brought up to date.
 * @returns what is installed now
 * @throws SpuffError `agent` | `connection`, `conflict` while the machine's processor is not known
 */
export async function installAgentOn(
  context: AppContext,
  instance: Instance,
  onProgress: (what: string) => void,
): Promise<{ version: string; sha256: string }> {
  if (instance.arch === null) {
    throw new SpuffError('conflict', `${instance.name} was not made completely`, {
      hints: [`go on making it: spuff up ${instance.name}`],
    });
  }
  const agent = await context.agentPackage();
  const settings = await context.settings();
  const arch = instance.arch;
  const runtime = agent.runtime(arch);
  const installation: AgentInstallation = {
    version: agent.version,
    bundlePath: agent.bundlePath,
    bundleSha256: agent.bundleSha256,
    runtimeSha256: runtime.sha256,
    runtimePath: runtime.locate,
    user: instance.user,
    tokenSha256: hashAgentToken(instance.agentToken),
    lease: { deadline: instance.expiresAt, idleTimeoutMs: instance.idleTimeoutMs },
    idle: readThresholds(settings),
    preDownSeconds: Math.ceil(settings.preDownTimeoutMs / 1_000),
    knownHosts: forgeHostKeys(),
  };
  await installAgent(await runOn(context, instance), installation, onProgress);
  return { version: agent.version, sha256: agent.bundleSha256 };
}

/** They are not the instance's: an upgrade of the agent brings those that count now. */
function readThresholds(settings: Settings): Partial<IdleThresholds> {
  return {
    ...(settings.idleCpuCores !== null && { cpuCores: settings.idleCpuCores }),
    processCores: settings.idleProcessCores,
    containerCores: settings.idleContainerCores,
    networkBytesPerSecond: settings.idleNetworkBytesPerSecond,
  };
}

async function runOn(context: AppContext, instance: Instance): Promise<RunOnMachine> {
  const ssh = await context.ssh();
  const target = sshTargetOf(instance);
  return async (argv, options) => await ssh.run(target, argv, { ...options, signal: context.signal });
}
