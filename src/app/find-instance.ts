import type { Instance } from '../domain/instance.ts';
import type { AppContext } from './context.ts';
import { requireReady, selectInstance } from './select-instance.ts';

/**
 * The instance that a command means; see `selectInstance`.
 * @throws SpuffError `not-found` | `usage`
 */
export async function findInstance(context: AppContext, name: string | undefined): Promise<Instance> {
  const state = await context.state();
  return selectInstance(state.listInstances(), { name, directory: context.directory });
}

/**
 * The same, and it must be ready for use.
 * @throws SpuffError `conflict` while it is being made or destroyed
 */
export async function findReadyInstance(context: AppContext, name: string | undefined): Promise<Instance> {
  return requireReady(await findInstance(context, name));
}
