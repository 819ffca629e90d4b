import { SpuffError } from '../domain/errors.ts';
import type { GuardRecord } from '../domain/guard.ts';
import type { Instance } from '../domain/instance.ts';
import { setupRunningPath } from '../domain/setup-paths.ts';
import type { AppContext } from './context.ts';
import { openForwarding } from './open-forwarding.ts';
import { sshTargetOf } from './select-instance.ts';

/**
 * Lasts while a setup runs: from when it is seen, for a minute at most, until it is gone. Fixed text; the argument is what
 * is there while one runs. It reads and prints nothing.
 */
const lendScript = `waited=0
until [ -e "$1" ]; do
  waited=$((waited + 1))
  [ "$waited" -lt 60 ] || exit 0
  sleep 1
done
while [ -e "$1" ]; do sleep 1; done`;

/**
 * Does `work`, and meanwhile has a session open that lends what a session lends by the settings, so that git on the machine
 * reaches private repositories and no key goes there. Without it the work goes on all the same; it is told.
 */
export async function lendDuring<T>(
  context: AppContext,
  instance: Instance,
  { onRefused, work }: { onRefused: (record: GuardRecord) => void; work: (lends: boolean) => Promise<T> },
): Promise<T> {
  const { forwardAgent, close } = await openForwarding(context, instance, onRefused);
  if (forwardAgent === false) return work(false);
  const ssh = await context.ssh();
  const ended = new AbortController();
  const session = ssh
    .openSession(sshTargetOf(instance), ['sh', '-c', lendScript, 'spuff-lend', setupRunningPath], {
      ...{ tty: false, forwardAgent, shared: false, withoutInput: true, signal: ended.signal },
    })
    .catch((error: unknown) => {
      if (!(error instanceof SpuffError)) throw error;
      if (!ended.signal.aborted && !context.signal.aborted)
        context.progress.note(`your keys are not lent to ${instance.name} any more: ${error.message}`);
    });
  try {
    return await work(true);
  } finally {
    ended.abort();
    await session;
    await close();
  }
}
