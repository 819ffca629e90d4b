import { rmSync } from 'node:fs';
import type { SshTarget } from '../domain/ssh.ts';
import { type ProcessResult, runProcess } from '../lib/process.ts';
import { withProcessLock } from '../lib/process-lock.ts';
import { buildControl, type SshContext } from './argv.ts';
import { makeFailure } from './classify-failure.ts';
import { isSocketAlive, openSharedConnection } from './shared-connection.ts';

/** Where spuff-agent listens on the machine. */
const remoteAgentSocket = '/run/spuff/agent.sock';

/**
 * Makes the agent's socket reachable on this side, over the shared connection. A living one is kept; one whose
 * connection has died, or whose file is gone, is replaced.
 * @returns the path of the local socket, in a 0700 directory
 * @throws SpuffError `connection` and the others of a login
 */
export async function openAgentChannel(target: SshTarget, context: SshContext): Promise<string> {
  const { agentSocket, channelLock } = context.paths;
  if (await isSocketAlive(agentSocket)) return agentSocket;
  // One at a time: between a look at a dead socket and its removal another command may have put a living one there.
  return withProcessLock(channelLock, undefined, async () => {
    if (await isSocketAlive(agentSocket)) return agentSocket;
    await openSharedConnection(target, context);
    await forwardAgentSocket(target, context);
    return agentSocket;
  });
}

async function forwardAgentSocket(target: SshTarget, context: SshContext): Promise<void> {
  const { agentSocket } = context.paths;
  const first = await control(target, context, 'forward');
  if (await isSocketAlive(agentSocket)) return;
  // ssh says yes to a forwarding that it has, and does not look whether the socket of it is still there.
  await control(target, context, 'cancel');
  const second = await control(target, context, 'forward');
  if (await isSocketAlive(agentSocket)) return;
  const said = [second, first].map(({ stderr }) => stderr.trim()).find((text) => text !== '');
  throw makeFailure(target, said ?? 'the socket of the agent was forwarded, and nobody listens on it');
}

async function control(
  target: SshTarget,
  context: SshContext,
  operation: 'forward' | 'cancel',
): Promise<ProcessResult> {
  const { agentSocket: local, controlSocket } = context.paths;
  // What a dead connection left is in the way of the socket; nobody listens on it.
  if (operation === 'forward') rmSync(local, { force: true });
  const request = { operation, local, remote: remoteAgentSocket } as const;
  return runProcess(buildControl(target, controlSocket, request), { timeoutMs: 10_000 });
}
