import { SpuffError } from '../domain/errors.ts';
import { escapeText } from '../lib/escape.ts';
import { type ProcessResult, runProcess } from '../lib/process.ts';
import { type PublicKey, parsePublicKey } from '../lib/public-key.ts';

/**
 * The keys that the user's ssh-agent offers, first offered first. Asks the agent that ssh itself would ask: the
 * configuration's `IdentityAgent` where there is one.
 */
export async function listAgentKeys(): Promise<PublicKey[]> {
  // Exit status 1: no keys; 2: no agent. Both mean that there is nothing to list.
  const result = await runSshAdd(['-L']);
  if (result === null || result.exitCode !== 0) return [];
  return result.stdout.split('\n').flatMap((line) => parsePublicKey(line) ?? []);
}

/**
 * @throws SpuffError `config` when there is no ssh-agent to hold a key
 * @see ssh-add(1): exit status 2 is that of an agent which can't be reached
 */
export async function requireAgent(): Promise<void> {
  const result = await runSshAdd(['-l']);
  if (result !== null && result.exitCode < 2) return;
  throw new SpuffError('config', 'no ssh-agent runs that could hold the key', {
    hints: ['start one for this shell: eval "$(ssh-agent)"', 'or keep the key on disk: leave out --lifetime'],
  });
}

/**
 * Gives the agent a private key that ssh-add reads, for a time.
 * @throws SpuffError `config` when the agent does not take it: some take no key with a lifetime
 */
export async function addToAgent(privatePath: string, lifetimeMs: number): Promise<void> {
  const seconds = String(Math.max(1, Math.floor(lifetimeMs / 1_000)));
  const result = await runSshAdd(['-q', '-t', seconds, privatePath]);
  if (result?.exitCode === 0) return;
  const said = escapeText(result?.stderr.trim().split('\n').at(-1) ?? '', { singleLine: true });
  throw new SpuffError('config', `ssh-agent did not take the key${said === '' ? '' : `: ${said}`}`, {
    hints: [
      'some agents hold no key for a time: start that of OpenSSH: eval "$(ssh-agent)"',
      'or keep the key on disk: leave out --lifetime',
    ],
  });
}

/** Absent is success, and so is no agent. */
export async function removeFromAgent(publicPath: string): Promise<void> {
  await runSshAdd(['-q', '-d', publicPath]);
}

/** null: there is no agent. */
async function runSshAdd(args: readonly string[]): Promise<ProcessResult | null> {
  const socket = await findUserAgent();
  if (socket === null) return null;
  return runProcess(['ssh-add', ...args], { timeoutMs: 10_000, env: { SSH_AUTH_SOCK: socket } });
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
