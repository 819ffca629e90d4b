import { runProcess } from '../lib/process.ts';
import { type PublicKey, parsePublicKey } from '../lib/public-key.ts';

/**
 * The keys that the user's ssh-agent offers, first offered first. Asks the agent that ssh itself would ask: the
 * configuration's `IdentityAgent` where there is one.
 */
export async function listAgentKeys(): Promise<PublicKey[]> {
  const socket = await findUserAgent();
  if (socket === null) return [];
  // Exit status 1: no keys; 2: no agent. Both mean that there is nothing to list.
  const result = await runProcess(['ssh-add', '-L'], {
    timeoutMs: 10_000,
    env: { SSH_AUTH_SOCK: socket },
  });
  if (result.exitCode !== 0) return [];
  return result.stdout.split('\n').flatMap((line) => parsePublicKey(line) ?? []);
}

/**
 * The socket of the agent that ssh itself would ask: ssh-agent's, gpg-agent's, a password manager's.
 *
 * It is looked for before there is an instance to name, so ssh is asked about one that is called like them all: what stands
 * under `Host spuff-*` is what every login will go by.
 * @returns null when the user has none, or has said `IdentityAgent none`
 * @see ssh_config(5), IdentityAgent: ssh -G has expanded `~` and `%`, and leaves `$NAME` as it is
 */
export async function findUserAgent(environment: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const dump = await runProcess(['ssh', '-G', 'spuff-any'], { timeoutMs: 10_000 });
  const configured = /^identityagent (.+)$/m.exec(dump.stdout)?.[1] ?? 'SSH_AUTH_SOCK';
  if (configured === 'none') return null;
  const variable = configured === 'SSH_AUTH_SOCK' ? configured : /^\$(\w+)$/.exec(configured)?.[1];
  return (variable === undefined ? configured : environment[variable]) || null;
}
