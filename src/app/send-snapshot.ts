/**
 * `sync: git`: the files go to the machine as a tree of git's, in a pack of what it lacks, and are merged there into what
 * it has. Nothing is committed on either side.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SpuffError, systemErrorCode } from '../domain/errors.ts';
import type { Instance } from '../domain/instance.ts';
import type { ProjectFile } from '../domain/project.ts';
import { escapeText } from '../lib/escape.ts';
import { runGit } from '../lib/git.ts';
import type { AppContext } from './context.ts';
import { isBelow, listTree } from './list-tree.ts';
import { streamPack } from './pack-history.ts';
import type { RemoteFolder } from './remote-tree.ts';

const isInTheWay = 93;

/**
 * Arguments: the folder, the tree of the last time or nothing, the tree, `force` or nothing. Standard input: a pack. A merge
 * of two trees (git-read-tree(1)) keeps what was changed here alone, and refuses as a whole where the new tree changes it too.
 * It sees the index alone and overwrites what git ignores, so what is ignored here in the place of a file to come is added.
 * Nor does it mind a file where a folder comes, or the other way round: what is left of those after that is asked for by itself.
 */
const takeScript = `set -eu
cd -- "$1"
base=$2 new=$3 force=$4
g() { git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c gc.auto=0 "$@"; }
dir=$(g rev-parse --absolute-git-dir)
trap 'rm -f -- "$dir/spuff-index" "$dir/spuff-index.lock"' EXIT
g index-pack --stdin --fix-thin >/dev/null
rm -f -- "$dir/spuff-index"
[ ! -e "$dir/index" ] || cp -- "$dir/index" "$dir/spuff-index"
export GIT_INDEX_FILE="$dir/spuff-index"
g add -A
if [ -z "$base" ] || ! g cat-file -e "$base" 2>/dev/null; then base=$(g hash-object -t tree -w /dev/null); fi
in_place() {
  g diff-index --cached -z --no-renames --name-only --diff-filter=D "$new" | xargs -0 -r sh -c '
for path do
  at=$path
  while :; do
    case $at in */*) at=\${at%/*} ;; *) break ;; esac
    if [ -L "./$at" ] || { [ -e "./$at" ] && [ ! -d "./$at" ]; }; then path=$at; fi
  done
  if [ -L "./$path" ] || [ -e "./$path" ]; then printf "%s\\0" "$path"; fi
done' spuff-sync | sort -zu
}
in_place | xargs -0 -r git -c core.hooksPath=/dev/null -c core.fsmonitor=false --literal-pathspecs add -f --
if [ -n "$force" ]; then
  kept=$(g write-tree)
  if [ "$kept" != "$new" ] && [ "$kept" != "$base" ]; then
    commit=$(printf 'before a sync\\n' | g -c user.name=spuff -c user.email=spuff@localhost commit-tree "$kept")
    g update-ref "refs/spuff/kept/$commit" "$commit"
  fi
  git -c core.hooksPath=/dev/null read-tree --reset -u "$new"
  exit
fi
in_place | xargs -0 -r -n 1 sh -c 'git -c core.fsmonitor=false --literal-pathspecs diff-index --cached --quiet "$1" -- "$2" || {
  printf "%s is in the way\\n" "$2" >&2
  exit 255
}' spuff-sync "$base" || exit ${isInTheWay}
g read-tree -m -u "$base" "$new" || exit ${isInTheWay}
`;

interface Scene {
  context: AppContext;
  instance: Instance;
  project: ProjectFile;
  where: RemoteFolder;
  wishes: { force?: boolean };
}

/**
 * The working tree as a tree of git's, without touching the index.
 * @throws SpuffError `config` where the folder is no repository of its own, or git fails
 */
export async function makeSnapshot({
  context,
  project,
}: Pick<Scene, 'context' | 'project'>): Promise<string> {
  const { root } = project;
  const folder = mkdtempSync(join(tmpdir(), 'spuff-index-'));
  const env = { GIT_INDEX_FILE: join(folder, 'index'), GIT_OPTIONAL_LOCKS: '1' };
  const git = async (args: readonly string[], stdin?: string) => {
    const options = { cwd: root, signal: context.signal, env, ...(stdin !== undefined && { stdin }) };
    const { exitCode, stdout, stderr } = await runGit(args, options);
    if (exitCode === 0) return stdout;
    const why = escapeText(stderr.trim(), { singleLine: true }).slice(0, 300);
    throw new SpuffError('config', `git can't take the files of ${root} together: ${why}`, {
      hints: ['mend what git complains of, or write sync: rsync'],
    });
  };
  try {
    if ((await git(['rev-parse', '--show-cdup'])).trim() !== '') throw notOwnRepository(root);
    copyIndex(resolve(root, (await git(['rev-parse', '--absolute-git-dir'])).trim()), folder);
    const entries = toPaths(await git(['ls-files', '-s', '-z']));
    const links = entries.filter((entry) => entry.startsWith('160000 ')).map(pathOfEntry);
    // By name, and not all that is there: git would look into a repository within, which may be a folder of the machine that is
    // mounted, and run what that one's configuration names.
    const { files } = await listTree(project, context.signal);
    const names = [...files.keys()].filter((path) => !isBelow(path, links));
    const gone = entries.map(pathOfEntry).filter((path) => !links.includes(path) && !files.has(path));
    await git(['update-index', '-z', '--force-remove', '--stdin'], toLines(gone));
    await git(['update-index', '-z', '--add', '--replace', '--stdin'], toLines(names));
    return (await git(['write-tree'])).trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `100644 <id> 0\tpath` */
function pathOfEntry(entry: string): string {
  return entry.slice(entry.indexOf('\t') + 1);
}

function toLines(paths: readonly string[]): string {
  return paths.map((path) => `${path}\0`).join('');
}

function notOwnRepository(root: string): SpuffError {
  return new SpuffError('config', `sync: git needs a repository whose folder is ${root}`, {
    hints: ['write sync: rsync: it brings the files of a folder in a repository as well'],
  });
}

/** What git knows of the files saves it from reading them all. */
function copyIndex(gitFolder: string, folder: string): void {
  try {
    copyFileSync(join(gitFolder, 'index'), join(folder, 'index'));
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}

export interface TreeChange {
  path: string;
  isGone: boolean;
}

/** What is other in a tree than in the one before; null: before there was none. */
export async function compareTrees(
  { context, project }: Pick<Scene, 'context' | 'project'>,
  before: string | null,
  tree: string,
): Promise<TreeChange[]> {
  const options = { cwd: project.root, signal: context.signal };
  const isKnown = before !== null && (await runGit(['cat-file', '-e', before], options)).exitCode === 0;
  if (!isKnown) {
    const { stdout } = await runGit(['ls-tree', '-r', '-z', '--name-only', tree], options);
    return toPaths(stdout).map((path) => ({ path, isGone: false }));
  }
  const { stdout } = await runGit(
    ['diff-tree', '-r', '-z', '--name-status', '--no-renames', before, tree],
    options,
  );
  const words = toPaths(stdout);
  return words.flatMap((path, at) => (at % 2 === 0 ? [] : [{ path, isGone: words[at - 1] === 'D' }]));
}

function toPaths(text: string): string[] {
  return text.split('\0').filter((word) => word !== '');
}

/** @throws SpuffError `conflict` naming what was changed there as well: then nothing is changed there */
export async function sendSnapshot(
  { context, instance, project, where, wishes }: Scene,
  before: string | null,
  tree: string,
): Promise<void> {
  const pack = await streamPack({
    ...{ root: project.root, signal: context.signal, before: '' },
    ...{ wanted: [tree], known: await knownTrees(context, project, before) },
  });
  const ssh = await context.ssh();
  const argv = [
    ...['sh', '-c', takeScript, 'spuff-sync', where.folder],
    ...[before ?? '', tree, wishes.force ? 'force' : ''],
  ];
  const { exitCode, stderr } = await ssh.run(where.target, argv, {
    stdin: pack.stream,
    signal: context.signal,
  });
  await pack.end();
  if (exitCode === 0) return;
  const said = escapeText(stderr.trim().split('\n').slice(-10).join('; '), { singleLine: true }).slice(
    0,
    1_000,
  );
  if (exitCode === isInTheWay) {
    throw new SpuffError('conflict', `changed on ${instance.name} and here, so nothing was sent: ${said}`, {
      hints: [
        `bring what only ${instance.name} changed: spuff sync ${instance.name} --down`,
        `let what is here win; what is there is kept under refs/spuff/kept: spuff sync ${instance.name} --force`,
      ],
    });
  }
  throw new SpuffError('agent', `git on ${instance.name} did not take the files: ${said}`, {
    hints: ['look at the disk and the folder there, then try again'],
  });
}

/** The commit that is checked out is there by now. */
async function knownTrees(
  context: AppContext,
  { root }: ProjectFile,
  before: string | null,
): Promise<string[]> {
  const options = { cwd: root, signal: context.signal };
  const asked = ['HEAD^{commit}', ...(before === null ? [] : [before])];
  const known: string[] = [];
  for (const name of asked) {
    const { exitCode, stdout } = await runGit(['rev-parse', '-q', '--verify', name], options);
    if (exitCode === 0 && (await runGit(['cat-file', '-e', stdout.trim()], options)).exitCode === 0)
      known.push(stdout.trim());
  }
  return known;
}
