import type { Instance } from '../domain/instance.ts';
import { sayWhenShutOut } from './change-firewall.ts';
import { checkSshArguments } from './check-ssh-arguments.ts';
import type { AppContext } from './context.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

/**
 * Hands the terminal to a login shell on the instance. `sshArgs` are further options for ssh, and perhaps a command, whose
 * arguments arrive as they are given.
 * @returns the exit status of ssh: the shell's own, or 255 when the connection failed or broke
 * @throws SpuffError `usage` for an option that would weaken the connection
 */
export async function openSession(
  context: AppContext,
  instance: Instance,
  sshArgs: readonly string[],
): Promise<number> {
  requireReady(instance);
  const { options, command } = checkSshArguments(sshArgs);
  const settings = await context.settings();
  const forwardAgent = settings.forwardAgent === 'raw';
  // Each time: what it means must not be forgotten with the day the setting was made (ADR 0004).
  if (forwardAgent) {
    context.progress.warn(
      `your ssh-agent is lent to ${instance.name} for this session: root there can use every key in it until it ends`,
    );
  }
  const ssh = await context.ssh();
  const session = {
    tty: 'auto' as const,
    forwardAgent,
    // A shared connection outlives the session, and with it whatever was lent to it or forwarded over it.
    shared: !forwardAgent && options.length === 0,
    sshArgs: options,
    signal: context.signal,
  };
  return sayWhenShutOut(context, instance, () =>
    ssh.openSession(sshTargetOf(instance), command.length > 0 ? command : null, session),
  );
}
