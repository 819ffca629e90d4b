import { formatDuration } from '../domain/duration.ts';
import type { Instance } from '../domain/instance.ts';
import { escapeText } from '../lib/escape.ts';
import type { AppContext } from './context.ts';
import { sshTargetOf } from './select-instance.ts';

/** Well within the five minutes of a warning; a shorter command costs nothing. */
const intervalMs = 60_000;

/**
 * Warns once of each end that is near, while something without a terminal runs on the machine: its terminals are told by
 * the agent, and this has none. Ends when `signal` aborts, and silently at the first thing that fails: the command that runs is
 * what matters.
 */
export async function warnOfEnd(context: AppContext, instance: Instance, signal: AbortSignal): Promise<void> {
  let warnedOf: string | null = null;
  try {
    while (!signal.aborted) {
      await context.runtime.sleep(intervalMs, signal);
      if (signal.aborted) return;
      const { createAgentClient } = await import('./agent-client.ts');
      const socketPath = await (await context.ssh()).openChannel(sshTargetOf(instance));
      const { next } = await createAgentClient(instance, { socketPath, signal }).ask('activity');
      const isNear = next?.what === 'power-off';
      if (isNear && warnedOf !== next.why) {
        const left = formatDuration(Date.parse(next.at) - context.runtime.now());
        const why = escapeText(next.why, { singleLine: true });
        context.progress.warn(`${instance.name} powers off in ${left}: ${why}`, [
          `when nobody uses it, keep it on: spuff keep ${instance.name}`,
        ]);
      }
      warnedOf = isNear ? next.why : null;
    }
  } catch {
    // Stopped, or the machine does not answer: the command's own end says so.
  }
}
