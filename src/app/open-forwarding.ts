import type { Guard, GuardRecord } from '../domain/guard.ts';
import type { Instance } from '../domain/instance.ts';
import type { SessionOptions } from '../domain/ssh.ts';
import type { AppContext } from './context.ts';
import { refuseByPolicy } from './refuse-by-policy.ts';
import { sshTargetOf } from './select-instance.ts';

/** What a session lends to the machine, and how to end that. */
export interface Forwarding {
  forwardAgent: SessionOptions['forwardAgent'];
  close(): Promise<void>;
}

const nothing: Forwarding = { forwardAgent: false, close: async () => undefined };

/**
 * Decides by the settings what a session lends, and opens a guard where that is the guard. Without an ssh-agent the
 * session goes on with nothing.
 * @param onRefused hears of each refusal while the session is open
 * @throws SpuffError `config` for a policy that is wrong, or a rule for everybody that forbids it
 */
export async function openForwarding(
  context: AppContext,
  instance: Instance,
  onRefused: (record: GuardRecord) => void,
): Promise<Forwarding> {
  const { forwardAgent } = await context.settings();
  await refuseByPolicy(context, instance.directory, { forwardAgent });
  if (forwardAgent === 'none') return nothing;
  if (forwardAgent === 'raw') {
    // Each time: what it means must not be forgotten with the day the setting was made.
    context.progress.warn(
      `your ssh-agent is lent to ${instance.name} for this session: root there can use every key in it until it ends`,
      ['lend it through the guard instead: spuff config set forward_agent guard'],
    );
    return { ...nothing, forwardAgent: 'raw' };
  }
  const guard = await openGuard(context, instance, onRefused);
  if (guard !== null) return { forwardAgent: guard, close: () => guard.close() };
  context.progress.note(
    `no ssh-agent runs here, so ${instance.name} can't use your keys, for git and the like (start one: ssh-agent; then ssh-add)`,
  );
  return nothing;
}

async function openGuard(
  context: AppContext,
  instance: Instance,
  onRefused: (record: GuardRecord) => void,
): Promise<Guard | null> {
  const ssh = await context.ssh();
  return ssh.openGuard(sshTargetOf(instance), {
    loadPolicy: () => context.guardPolicy(instance.directory),
    mayAsk: context.mayAsk,
    onRefused,
  });
}
