import { SpuffError } from '../domain/errors.ts';
import type { GuardStatus } from '../domain/guard.ts';
import { resolvePolicy } from '../domain/guard-policy.ts';
import type { Instance } from '../domain/instance.ts';
import { readHostName } from '../lib/guard-values.ts';
import type { AppContext } from './context.ts';
import { requireDone, tellGuards } from './tell-guards.ts';

/**
 * Ends all signing by guards that run, at once. Sessions go on without it.
 * @param instances without them: all
 * @throws SpuffError `timeout` when one does not answer
 */
export async function revokeGuards(
  context: AppContext,
  instances?: readonly Instance[],
): Promise<GuardStatus[]> {
  return requireDone(await tellGuards(context, 'revoke', instances));
}

/**
 * Takes a host, or a built-in forge, off the user's list, also for guards that run.
 * @throws SpuffError `not-found` naming what is allowed, `config`, `timeout`
 */
export async function revokeHost(context: AppContext, host: string): Promise<GuardStatus[]> {
  const file = await context.guardFile();
  const name = readHostName(host);
  if (name === null || !file.removeHost(name)) {
    const { destinations } = resolvePolicy(file.read(), null);
    const names = destinations.map((destination) => destination.name).join(', ');
    throw new SpuffError('not-found', `${JSON.stringify(host)} is not allowed anyway`, {
      hints: [names === '' ? 'no host is allowed' : `allowed are: ${names}`],
    });
  }
  return requireDone(await tellGuards(context, 'reload'));
}
