import { SpuffError } from '../domain/errors.ts';
import type { GuardPolicy } from '../domain/guard.ts';
import type { GuardAnswer } from '../domain/guard-control.ts';
import type { Instance } from '../domain/instance.ts';
import type { AppContext } from './context.ts';
import { tellGuards } from './tell-guards.ts';

export interface GuardOverview {
  guards: readonly GuardAnswer[];
  /** What counts for a session that would begin now; an error when a file is wrong. */
  policy: GuardPolicy | SpuffError;
}

/**
 * The guards that run on this computer, and the policy.
 * @param instance null: the guards of all, and the policy in the user's working directory
 */
export async function overlookGuards(context: AppContext, instance: Instance | null): Promise<GuardOverview> {
  const guards = await tellGuards(context, 'status', instance === null ? undefined : [instance]);
  return { guards, policy: await readPolicy(context, instance?.directory ?? context.directory) };
}

async function readPolicy(context: AppContext, directory: string): Promise<GuardPolicy | SpuffError> {
  try {
    return await context.guardPolicy(directory);
  } catch (error) {
    if (error instanceof SpuffError) return error;
    throw error;
  }
}
