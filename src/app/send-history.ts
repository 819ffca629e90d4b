/**
 * Brings the commits of a repository to a machine: as a pack of what it lacks, into a repository that is made there. Nothing
 * of the folder `.git` itself is copied, so neither a credential of its configuration, nor a hook, nor a reflog goes along.
 */
import { SpuffError } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProgressStep } from '../domain/progress.ts';
import type { ProjectFile } from '../domain/project.ts';
import { escapeText } from '../lib/escape.ts';
import { runGit } from '../lib/git.ts';
import type { AppContext } from './context.ts';
import { streamPack } from './pack-history.ts';
import { configForMachine, type LocalHistory, readHistory } from './read-history.ts';
import { type RemoteFolder, runThere } from './remote-tree.ts';

/** Small images have no git. Fixed text; the packages come from the machine's own sources. */
const lookScript = `set -eu
command -v git >/dev/null || sudo -n apt-get install -y --no-install-recommends git >/dev/null
cd -- "$1" 2>/dev/null || exit 0
[ -e .git ] || exit 0
printf 'HEAD %s %s\\n' "$(git rev-parse -q --verify HEAD || echo -)" "$(git symbolic-ref -q HEAD || echo -)"
if [ -n "$2" ] && git merge-base --is-ancestor "$2" HEAD 2>/dev/null; then echo AHEAD; fi
git for-each-ref --format='REF %(objectname) %(refname)' refs/heads refs/tags refs/remotes
`;

/**
 * Arguments: the folder, the branch or nothing, the commit, what to keep of before, the format of names, then settings by
 * name and value for a repository that is made. Standard input: commands for update-ref, an empty line, what a shallow
 * repository has as its ends, an empty line, a pack.
 */
const takeScript = `set -eu
folder=$1 branch=$2 head=$3 keep=$4 format=$5
shift 5
mkdir -p -- "$folder"
cd -- "$folder"
g() { git -c core.hooksPath=/dev/null -c gc.auto=0 "$@"; }
if [ ! -e .git ]; then
  g init -q --object-format="$format" .
  while [ $# -gt 1 ]; do g config -- "$1" "$2"; shift 2; done
fi
dir=$(g rev-parse --absolute-git-dir)
trap 'rm -f -- "$dir/spuff-updates" "$dir/spuff-shallow"' EXIT
take() { while IFS= read -r line && [ -n "$line" ]; do printf '%s\\n' "$line"; done; }
take >"$dir/spuff-updates"
take >"$dir/spuff-shallow"
if [ -s "$dir/spuff-shallow" ]; then
  cat -- "$dir/spuff-shallow" "$dir/shallow" 2>/dev/null | sort -u >"$dir/spuff-ends"
  mv -- "$dir/spuff-ends" "$dir/shallow"
fi
g index-pack --stdin --fix-thin >/dev/null
before=$(g rev-parse -q --verify HEAD || :)
[ -z "$keep" ] || g update-ref "refs/spuff/kept/$keep" "$keep"
g update-ref --stdin <"$dir/spuff-updates"
if [ -n "$branch" ]; then g symbolic-ref HEAD "$branch"; else g update-ref --no-deref HEAD "$head"; fi
if [ -n "$head" ] && { [ "$before" != "$head" ] || [ ! -e "$dir/index" ]; }; then g read-tree HEAD; fi
`;

interface Scene {
  context: AppContext;
  instance: Instance;
  project: ProjectFile;
  where: RemoteFolder;
  wishes: { force?: boolean };
  step: ProgressStep;
}

interface RemoteHistory {
  head: string | null;
  branch: string | null;
  isAhead: boolean;
  refs: ReadonlyMap<string, string>;
}

interface HistoryPlan {
  ours: LocalHistory;
  known: ReadonlySet<string>;
  /** What would be passed over. */
  keep: string | null;
  updates: readonly RefUpdate[];
  isNew: boolean;
}

/** What is to be sent, and the commit that is checked out there then; `send` null: nothing. */
export interface PlannedHistory {
  head: string | null;
  send: HistoryPlan | null;
}

/**
 * Changes nothing.
 * @throws SpuffError `conflict` where the machine has commits on what is checked out that are not here
 */
export async function planHistory(scene: Scene): Promise<PlannedHistory> {
  const { context, project, where } = scene;
  const ours = await readHistory(project.root, context.signal);
  if (ours === null) return { head: null, send: null };
  const argv = ['sh', '-c', lookScript, 'spuff-sync', where.folder, ours.head ?? ''];
  const theirs = parseLook((await runThere(context, where.target, argv, '')).toString('utf8'));
  const isAhead = theirs?.isAhead && theirs.head !== ours.head && theirs.branch === ours.branch;
  if (isAhead) return { head: theirs.head, send: null };
  const known = await knownHere(scene, [
    ...(theirs?.refs.values() ?? []),
    ...(theirs?.head ? [theirs.head] : []),
  ]);
  const keep = theirs?.head && !known.has(theirs.head) ? theirs.head : null;
  if (keep !== null && !scene.wishes.force) throw commitsThere(scene.instance, theirs?.branch ?? null);
  const updates = planRefs(ours, theirs, known);
  const isPlaced = theirs !== null && theirs.head === ours.head && theirs.branch === ours.branch;
  const isDone = isPlaced && updates.length === 0;
  return { head: ours.head, send: isDone ? null : { ours, known, keep, updates, isNew: theirs === null } };
}

function commitsThere({ name }: Instance, branch: string | null): SpuffError {
  const shown =
    branch === null ? '' : ` on ${escapeText(branch.replace('refs/heads/', ''), { singleLine: true })}`;
  return new SpuffError('conflict', `${name} has commits${shown} that are not here, so nothing was sent`, {
    hints: [
      `push them from there, and fetch them here: spuff exec ${name} --forward-agent -- git push`,
      `go on without them; they stay there under refs/spuff/kept: spuff sync ${name} --force`,
    ],
  });
}

/** @returns null where there is no repository yet; nothing that does not look like a commit or a ref counts */
function parseLook(answer: string): RemoteHistory | null {
  const refs = new Map<string, string>();
  let head: RegExpExecArray | null = null;
  let isAhead = false;
  for (const line of answer.split('\n')) {
    head ??= /^HEAD ([0-9a-f]{40,64}|-) (refs\/heads\/\S+|-)$/.exec(line);
    if (line === 'AHEAD') isAhead = true;
    const ref = /^REF ([0-9a-f]{40,64}) (refs\/\S+)$/.exec(line);
    if (ref?.[1] !== undefined && ref[2] !== undefined) refs.set(ref[2], ref[1]);
  }
  if (head === null) return null;
  const said = (word: string | undefined) => (word === undefined || word === '-' ? null : word);
  return { head: said(head[1]), branch: said(head[2]), isAhead, refs };
}

async function knownHere({ context, project }: Scene, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const options = { cwd: project.root, signal: context.signal, stdin: `${[...new Set(ids)].join('\n')}\n` };
  const { stdout } = await runGit(['cat-file', '--batch-check=%(objectname)'], options);
  return new Set(stdout.split('\n').filter((line) => /^[0-9a-f]{40,64}$/.test(line)));
}

interface RefUpdate {
  name: string;
  to: string;
  /** null: it is not there. */
  from: string | null;
}

/** A branch or tag there that leads to what is not here is the machine's own, and stays; what is checked out is seen to before. */
function planRefs(ours: LocalHistory, theirs: RemoteHistory | null, known: ReadonlySet<string>): RefUpdate[] {
  return [...ours.refs].flatMap(([name, to]) => {
    const from = theirs?.refs.get(name) ?? null;
    const isOwn = from !== null && !known.has(from) && name !== ours.branch;
    return from === to || isOwn ? [] : [{ name, to, from }];
  });
}

export async function sendHistory(
  { context, project, where, step }: Scene,
  { ours, known, keep, updates, isNew }: HistoryPlan,
): Promise<void> {
  step.update('its history');
  const settings = isNew ? await configForMachine(project.root, ours, context.signal) : [];
  const nothing = '0'.repeat(ours.format === 'sha256' ? 64 : 40);
  const commands = updates.map(({ name, to, from }) => `update ${name} ${to} ${from ?? nothing}\n`);
  const wanted = [...updates.map(({ to }) => to), ...(ours.head === null ? [] : [ours.head])];
  const pack = await streamPack({
    ...{ root: project.root, signal: context.signal, wanted, known: [...known] },
    before: `${commands.join('')}\n${ours.shallow.map((id) => `${id}\n`).join('')}\n`,
  });
  const ssh = await context.ssh();
  const argv = [
    ...['sh', '-c', takeScript, 'spuff-sync', where.folder],
    ...[ours.branch ?? '', ours.head ?? '', keep ?? '', ours.format, ...settings.flat()],
  ];
  const options = { stdin: pack.stream, signal: context.signal };
  const { exitCode, stderr } = await ssh.run(where.target, argv, options);
  await pack.end();
  if (exitCode === 0) return;
  const said = escapeText(stderr.trim().split('\n').slice(-3).join('; '), { singleLine: true });
  throw new SpuffError('agent', `the history did not get to ${where.target.name}: ${said}`, {
    hints: ['look at the disk and the folder there, then try again'],
  });
}
