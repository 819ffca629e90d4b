import { isInstanceKey } from '../domain/ids.ts';
import type { Instance } from '../domain/instance.ts';
import type { AppContext } from './context.ts';
import { requireReady, selectInstance } from './select-instance.ts';
import { findUntracked } from './untracked-machines.ts';

/**
 * The instance that a command means; see `selectInstance`. A key that is not in the state is looked up at the providers:
 * what is found there is an instance that can only be destroyed.
 * @throws SpuffError `not-found` | `usage`, and what a provider says
 */
export async function findInstance(context: AppContext, name: string | undefined): Promise<Instance> {
  const instances = (await context.state()).listInstances();
  if (
    name !== undefined &&
    isInstanceKey(name) &&
    !instances.some((one) => [one.name, one.key].includes(name))
  ) {
    const untracked = await findUntracked(context, name);
    if (untracked) return untracked;
  }
  return selectInstance(instances, { name, directory: context.directory });
}

/**
 * The same, and it must be ready for use.
 * @throws SpuffError `conflict` while it is being made or destroyed
 */
export async function findReadyInstance(context: AppContext, name: string | undefined): Promise<Instance> {
  return requireReady(await findInstance(context, name));
}
