/** Repositories and dotfiles, cloned as the login user with what a session lends. */
import { existsSync } from 'node:fs';
import { escapeText } from '../../lib/escape.ts';
import { redactTokens } from '../../lib/token-shapes.ts';
import type { SetupOrder } from '../../protocol/setup-schema.ts';
import { describeEnd } from './run-logged.ts';
import type { PartOutcome, PartTools } from './setup-scene.ts';
import type { SetupItem } from './status-board.ts';

type Repository = SetupOrder['repositories'][number];

/** How long a session gets to bring its agent. */
const agentWaitMs = 60_000;
const agentPollMs = 500;

/**
 * Clones beside the place and moves it there: what is in the place is whole. Arguments: URL, path below the home, branch
 * or nothing. Prints `there` for one that was there already.
 */
const cloneScript = `set -eu
url=$1 path=$2 branch=$3
if [ -e "$path" ] || [ -L "$path" ]; then
  git -C "$path" rev-parse --git-dir >/dev/null 2>&1 || { echo "$path is in the way, and no repository" >&2; exit 1; }
  echo there
  exit 0
fi
mkdir -p -- "$(dirname -- "$path")"
new=$path.spuff-new
rm -rf -- "$new"
if [ -n "$branch" ]; then
  git clone --branch "$branch" -- "$url" "$new"
else
  git clone -- "$url" "$new"
fi
mv -T -- "$new" "$path"
`;

/** For who asks a forge: no question that nobody would answer, and no host that is not known. */
function gitEnv(tools: PartTools): Record<string, string> {
  return {
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o StrictHostKeyChecking=yes',
    SSH_AUTH_SOCK: tools.places.lentAgent,
  };
}

export async function cloneRepositories(tools: PartTools): Promise<PartOutcome> {
  const items: SetupItem[] = [];
  for (const repository of tools.order.repositories) items.push(await cloneOne(tools, repository));
  const failed = items.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return { state: 'done', detail: null, items };
  const detail = failed.map(({ name, detail: why }) => `${name}: ${why}`).join('; ');
  return { state: 'failed', detail, items };
}

export async function cloneOne(tools: PartTools, { url, path, branch }: Repository): Promise<SetupItem> {
  const name = shown(path);
  if (!isBelowHome(path)) return { name, state: 'failed', detail: 'the path must stay in the home' };
  if (needsAgent(url) && !(await awaitAgent(tools))) {
    const remedy = 'run "spuff setup" for this machine in a terminal with an ssh-agent';
    return { name, state: 'failed', detail: `no session lends an ssh-agent: ${remedy}` };
  }
  tools.tell(`cloning ${shown(url)}`);
  const argv = ['bash', '-c', cloneScript, 'clone', url, path, branch ?? ''];
  const ended = await tools.exec({ argv, asUser: true, env: gitEnv(tools) });
  if (ended.exitCode !== 0) return { name, state: 'failed', detail: describeEnd(ended) };
  const wasThere = ended.stdout.trim().split('\n').at(-1) === 'there';
  return { name, state: 'done', detail: wasThere ? 'was there already, and is left as it is' : null };
}

function shown(text: string): string {
  return escapeText(redactTokens(text), { singleLine: true });
}

export function isBelowHome(path: string): boolean {
  return (
    !path.startsWith('/') && path.split('/').every((part) => part !== '' && part !== '..' && part !== '.')
  );
}

/** `git@host:path`, `ssh://…` */
function needsAgent(url: string): boolean {
  return /^(?:ssh|git\+ssh|ssh\+git):\/\//i.test(url) || /^[^/:]+@[^/:]+:/.test(url);
}

async function awaitAgent({ places, sleep, tell, request }: PartTools): Promise<boolean> {
  if (!request.lends) return existsSync(places.lentAgent);
  for (let waitedMs = 0; waitedMs <= agentWaitMs; waitedMs += agentPollMs) {
    if (existsSync(places.lentAgent)) return true;
    tell('waiting for a session that lends an ssh-agent');
    await sleep(agentPollMs);
  }
  return false;
}
