import type { Instance } from '../domain/instance.ts';
import type { AgentRequestInput } from '../protocol/request-schemas.ts';
import type { AgentResponse } from '../protocol/response-schemas.ts';
import type { RouteName } from '../protocol/routes.ts';
import { connectAgent } from './agent-client.ts';
import type { AppContext } from './context.ts';

export type { AgentResponse } from '../protocol/response-schemas.ts';

/**
 * One question to the agent of an instance.
 * @throws SpuffError `conflict` | `connection` | `agent` | `timeout`
 */
export async function askAgent<Name extends RouteName>(
  context: AppContext,
  instance: Instance,
  route: Name,
  input?: AgentRequestInput<Name>,
): Promise<AgentResponse<Name>> {
  const agent = await connectAgent(context, instance);
  return agent.ask(route, input);
}
