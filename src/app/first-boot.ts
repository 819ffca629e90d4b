import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { poll } from '../lib/retry.ts';
import { createAgentClient } from './agent-client.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

/** A first boot that installs packages takes minutes; one that takes longer than this hangs. */
const patienceMs = 15 * 60_000;
const pace = { firstDelayMs: 100, factor: 1.3, maxDelayMs: 2_000, jitter: 0 };

/**
 * Waits until cloud-init has ended on the machine. What it got over is passed on as a warning.
 * @throws SpuffError `provider` with cloud-init's own words when it failed, `timeout` naming the stage it hangs in
 */
export async function awaitFirstBoot(
  context: AppContext,
  instance: Instance,
  onProgress: (what: string) => void,
): Promise<void> {
  const ssh = await context.ssh();
  const socketPath = await ssh.openChannel(sshTargetOf(instance));
  const agent = createAgentClient(instance, { socketPath, signal: context.signal });
  let stage = 'before its first stage';
  const ended = await poll(
    async () => {
      const report = await agent.ask('cloudInit');
      if (report.status !== 'running' && report.status !== 'not-started') return report;
      stage = report.stage ?? stage;
      onProgress(`cloud-init: ${stage}`);
      return undefined;
    },
    {
      policy: pace,
      runtime: context.runtime,
      signal: context.signal,
      deadlineMs: context.runtime.now() + patienceMs,
    },
  );
  if (!ended) throw new SpuffError('timeout', `cloud-init on ${instance.name} has not ended: ${stage}`);
  if (ended.status === 'error' || ended.status === 'disabled' || ended.status === 'absent') {
    const why = ended.errors.join('; ') || `it is ${ended.status}`;
    throw new SpuffError('provider', `the first boot of ${instance.name} failed: ${why}`, {
      hints: ['use an image with cloud-init 22.4 or newer, such as the default one'],
    });
  }
  for (const error of ended.recoverableErrors) context.progress.warn(`cloud-init: ${error}`);
}
