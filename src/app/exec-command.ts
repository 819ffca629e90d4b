import { SpuffError } from '../domain/errors.ts';
import type { GuardRecord } from '../domain/guard.ts';
import type { Instance } from '../domain/instance.ts';
import { sayWhenShutOut } from './change-firewall.ts';
import type { AppContext } from './context.ts';
import type { Forwarding } from './open-forwarding.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';
import { warnOfEnd } from './warn-of-end.ts';

export interface ExecRequest {
  argv: readonly string[];
  tty: boolean;
  /** null: nothing is lent. Else what the settings say, and this hears of what the guard refuses. */
  lendAgent: ((record: GuardRecord) => void) | null;
}

/**
 * Runs a program on the instance with this process's standard input and output. The arguments arrive as they are given.
 * @returns the program's exit status, 128+n after signal n, 255 when the connection failed or broke
 */
export async function execCommand(
  context: AppContext,
  instance: Instance,
  request: ExecRequest,
): Promise<number> {
  requireReady(instance);
  if (request.argv.some((argument) => argument.includes('\0'))) {
    throw new SpuffError('usage', 'an argument cannot hold a NUL character');
  }
  const ssh = await context.ssh();
  const forwarding = await openWhatIsLent(context, instance, request);
  const forwardAgent = forwarding?.forwardAgent ?? false;
  const options = { tty: request.tty, forwardAgent, shared: forwardAgent === false, signal: context.signal };
  const ended = new AbortController();
  // A terminal is told by the agent.
  if (!request.tty) void warnOfEnd(context, instance, AbortSignal.any([ended.signal, context.signal]));
  try {
    return await sayWhenShutOut(context, instance, () =>
      ssh.openSession(sshTargetOf(instance), request.argv, options),
    );
  } finally {
    ended.abort();
    await forwarding?.close();
  }
}

async function openWhatIsLent(
  context: AppContext,
  instance: Instance,
  { lendAgent }: ExecRequest,
): Promise<Forwarding | null> {
  if (lendAgent === null) return null;
  const { openForwarding } = await import('./open-forwarding.ts');
  return openForwarding(context, instance, lendAgent);
}
