import type { Instance } from '../domain/instance.ts';
import { installAgentOn } from './agent-install.ts';
import type { AppContext } from './context.ts';
import { requireReady } from './select-instance.ts';

/**
 * Puts this spuff's own agent on an instance, whichever it has; an agent that is current already stays as it is.
 * @returns the instance with the agent that it has now
 * @throws SpuffError `conflict` when another process is at work on the instance, `agent` | `connection`
 */
export async function upgradeAgent(context: AppContext, instance: Instance): Promise<Instance> {
  requireReady(instance);
  const state = await context.state();
  const operation = state.beginOperation('agent-upgrade', instance.key);
  const step = context.progress.start(`agent on ${instance.name}`);
  try {
    const agent = await installAgentOn(context, instance, (what) => step.update(what));
    const changed = state.updateInstance(instance.key, { agent });
    state.endOperation(operation.id, 'done');
    step.done(agent.version);
    return changed;
  } catch (error) {
    step.fail();
    state.endOperation(operation.id, 'failed');
    throw error;
  }
}
