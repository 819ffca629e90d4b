import type { GuardRecord } from '../domain/guard.ts';
import type { Instance } from '../domain/instance.ts';
import type { PortWish } from '../domain/project.ts';
import { sayWhenShutOut } from './change-firewall.ts';
import { checkSshArguments } from './check-ssh-arguments.ts';
import type { AppContext } from './context.ts';
import { openForwarding } from './open-forwarding.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

export interface SessionRequest {
  /** Further options for ssh, and perhaps a command, whose arguments arrive as they are given. */
  sshArgs: readonly string[];
  /** Hears, while the session has the terminal, of each signature that the guard refused. */
  onRefused: (record: GuardRecord) => void;
  /** Carried to this computer as long as the session lasts. */
  ports: readonly PortWish[];
  /** Whether the shell, or the command, is in the dev container of the project. */
  inContainer: boolean;
}

/**
 * Hands the terminal to a login shell on the instance.
 * @returns the exit status of ssh: the shell's own, or 255 when the connection failed or broke
 * @throws SpuffError `usage` for an option that would weaken the connection, `config` for a guard's policy that is wrong
 */
export async function openSession(
  context: AppContext,
  instance: Instance,
  request: SessionRequest,
): Promise<number> {
  requireReady(instance);
  const { options, command } = checkSshArguments(request.sshArgs);
  const argv = await toRemoteCommand(instance, request, { options, command });
  const ssh = await context.ssh();
  const { forwardAgent, close } = await openForwarding(context, instance, request.onRefused);
  const session = {
    tty: 'auto' as const,
    forwardAgent,
    // A shared connection outlives the session, and with it whatever was lent to it or forwarded over it.
    shared: forwardAgent === false && options.length === 0,
    sshArgs: options,
    signal: context.signal,
  };
  const ends = [close];
  try {
    if (request.ports.length > 0) {
      const { openPorts } = await import('./open-ports.ts');
      ends.push((await openPorts(context, instance, request.ports)).close);
    }
    return await sayWhenShutOut(context, instance, () =>
      ssh.openSession(sshTargetOf(instance), argv, session),
    );
  } finally {
    await Promise.all(ends.map((end) => end()));
  }
}

/** @returns null: the login shell of the machine */
async function toRemoteCommand(
  instance: Instance,
  { inContainer }: Pick<SessionRequest, 'inContainer'>,
  { options, command }: { options: readonly string[]; command: readonly string[] },
): Promise<readonly string[] | null> {
  // -N: there is neither.
  if (!inContainer || options.includes('-N')) return command.length > 0 ? command : null;
  const { enterContainer } = await import('./enter-container.ts');
  return enterContainer(instance, command);
}
