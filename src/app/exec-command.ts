import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import { sayWhenShutOut } from './change-firewall.ts';
import type { AppContext } from './context.ts';
import { requireReady, sshTargetOf } from './select-instance.ts';

/**
 * Runs a program on the instance with this process's standard input and output. The arguments arrive as they are given.
 * @returns the program's exit status, 128+n after signal n, 255 when the connection failed or broke
 */
export async function execCommand(
  context: AppContext,
  instance: Instance,
  request: { argv: readonly string[]; tty: boolean },
): Promise<number> {
  requireReady(instance);
  if (request.argv.some((argument) => argument.includes('\0'))) {
    throw new SpuffError('usage', 'an argument cannot hold a NUL character');
  }
  const ssh = await context.ssh();
  const options = { tty: request.tty, forwardAgent: false, shared: true, signal: context.signal };
  return sayWhenShutOut(context, instance, () =>
    ssh.openSession(sshTargetOf(instance), request.argv, options),
  );
}
