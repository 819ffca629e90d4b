import { runProcess } from '../lib/process.ts';
import { type PublicKey, parsePublicKey } from './public-key.ts';

/**
 * The keys that the user's ssh-agent offers, first offered first. Asks the agent that ssh itself would ask: the
 * configuration's `IdentityAgent` where there is one.
 */
export async function listAgentKeys(): Promise<PublicKey[]> {
  const socket = await findConfiguredAgent();
  if (socket === 'none') return [];
  const env = socket === null ? {} : { env: { SSH_AUTH_SOCK: socket } };
  // Exit status 1: no keys; 2: no agent. Both mean that there is nothing to list.
  const result = await runProcess(['ssh-add', '-L'], { timeoutMs: 10_000, ...env });
  if (result.exitCode !== 0) return [];
  return result.stdout.split('\n').flatMap((line) => parsePublicKey(line) ?? []);
}

/**
 * null: the one in SSH_AUTH_SOCK. The keys are chosen before there is an instance to name, so ssh is asked about one that is
 * called like them all: what stands under `Host spuff-*` is what every login will go by.
 */
async function findConfiguredAgent(): Promise<string | null> {
  const dump = await runProcess(['ssh', '-G', 'spuff-any'], { timeoutMs: 10_000 });
  const path = /^identityagent (.+)$/m.exec(dump.stdout)?.[1];
  return path === undefined || path === 'SSH_AUTH_SOCK' ? null : path;
}
