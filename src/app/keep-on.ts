import type { Instance } from '../domain/instance.ts';
import { type AgentResponse, askAgent } from './ask-agent.ts';
import type { AppContext } from './context.ts';
import { refuseByPolicy } from './refuse-by-policy.ts';

/**
 * Keeps a machine on for a while, also when nobody uses it, at most until the end of its lease; 0 seconds take it back.
 * @throws SpuffError `config` when a policy lets no machine stay on unused for so long; `conflict` | `connection` | `agent` | `timeout`
 */
export async function keepOn(
  context: AppContext,
  instance: Instance,
  request: { seconds: number; reason?: string },
): Promise<AgentResponse<'keep'>> {
  await refuseByPolicy(context, instance.directory, { idleTimeoutMs: request.seconds * 1_000 });
  const answer = await askAgent(context, instance, 'keep', request);
  const of = { instanceKey: instance.key, instanceName: instance.name };
  context.audit.note({ kind: 'deadline', details: { ...of, event: 'kept-on', until: answer.until } });
  return answer;
}
