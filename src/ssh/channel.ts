import { rmSync } from 'node:fs';
import type { SshTarget } from '../domain/ssh.ts';
import { runProcess } from '../lib/process.ts';
import { buildControl, type SshContext } from './argv.ts';
import { makeFailure } from './classify-failure.ts';
import { isSocketAlive, openSharedConnection } from './shared-connection.ts';

/** Where spuff-agent listens on the machine. */
const remoteAgentSocket = '/run/spuff/agent.sock';

/**
 * Makes the agent's socket reachable on this side, over the shared connection. A living one is kept; one whose
 * connection has died is replaced.
 * @returns the path of the local socket, in a 0700 directory
 * @throws SpuffError `connection` and the others of a login
 */
export async function openAgentChannel(target: SshTarget, context: SshContext): Promise<string> {
  const { agentSocket, controlSocket } = context.paths;
  if (await isSocketAlive(agentSocket)) return agentSocket;
  rmSync(agentSocket, { force: true });
  await openSharedConnection(target, context);
  const request = {
    operation: 'forward',
    localSocket: agentSocket,
    remoteSocket: remoteAgentSocket,
  } as const;
  const result = await runProcess(buildControl(target, controlSocket, request), { timeoutMs: 10_000 });
  // Two commands may ask at once: the second request is refused, and the socket of the first serves both.
  if (result.exitCode === 0 || (await isSocketAlive(agentSocket))) return agentSocket;
  throw makeFailure(target, result.stderr);
}
