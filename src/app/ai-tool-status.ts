import { aiTools } from '../bootstrap/bundles/ai-tools.ts';
import type { Instance } from '../domain/instance.ts';
import { readVersion } from '../lib/tool-version.ts';
import type { AppContext } from './context.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

export interface AiToolStatus {
  name: string;
  isInstalled: boolean;
  /** null when it is not there, or does not say. */
  version: string | null;
}

/** So long a tool may take to say its version: the first start of some unpacks something. */
const checkTimeoutMs = 60_000;

/**
 * Which AI tools are on an instance: each is asked for its version.
 * @throws SpuffError `connection`, `conflict` while the instance is not ready
 */
export async function readAiToolStatus(context: AppContext, instance: Instance): Promise<AiToolStatus[]> {
  requireReady(instance);
  const ssh = await context.ssh();
  const target = sshTargetOf(instance);
  const statuses: AiToolStatus[] = [];
  for (const { name, program } of aiTools) {
    const { exitCode, stdout } = await ssh.run(target, [program, '--version'], {
      timeoutMs: checkTimeoutMs,
      signal: context.signal,
    });
    const isInstalled = exitCode === 0;
    statuses.push({ name, isInstalled, version: isInstalled ? readVersion(stdout) : null });
  }
  return statuses;
}
