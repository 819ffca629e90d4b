/** What of a repository's history lies nowhere else. */
import { headRef, stashRefs } from '../domain/rescue.ts';
import type { FoundRepository } from './find-repositories.ts';
import type { GitFailure, ShadowGit } from './shadow-git.ts';

export interface LocalHistory {
  /** null: none is checked out. */
  branch: string | null;
  /** null: there is no commit yet. */
  head: string | null;
  stashes: number;
  /** Stashes included. */
  commits: number;
  /** What `git bundle create` takes for them. */
  range: readonly string[];
}

/**
 * Reads the refs, and gives git those that matter under names that a bundle can have: each stash has one of its own, because
 * the older ones stand in a log alone.
 * @param isFirst whether no other work tree of the same repository was asked before
 */
export async function readHistory(
  git: ShadowGit,
  { kind }: FoundRepository,
  isFirst: boolean,
): Promise<LocalHistory | GitFailure> {
  const branch = textOf(await git.read(['symbolic-ref', '-q', 'HEAD']));
  const head = textOf(await git.read(['rev-parse', '--verify', '-q', 'HEAD^{commit}']));
  const listed = await git.read([
    ...['for-each-ref', '--format=%(objectname) %(refname) %(symref)'],
    ...['refs/heads', 'refs/remotes', 'refs/tags'],
  ]);
  if (!Buffer.isBuffer(listed)) return listed;
  const refs = new Map<string, string>();
  for (const line of listed.toString('utf8').split('\n')) {
    const [, object, name] = /^([0-9a-f]{40,64}) (\S+) /.exec(`${line} `) ?? [];
    if (object !== undefined && name !== undefined) refs.set(name, object);
  }
  const stashes = isFirst && kind !== 'bare' ? await listStashes(git) : [];
  for (const [at, object] of stashes.entries())
    refs.set(`${stashRefs}/${String(at).padStart(3, '0')}`, object);
  if (head !== null && branch === null) refs.set(headRef, head);
  git.setRefs(refs, branch === null ? head : `ref: ${branch}`);
  const chosen = await chooseRange(git, isFirst);
  if ('failed' in chosen) return chosen;
  const shortBranch = branch?.replace(/^refs\/heads\//, '') ?? null;
  return { branch: shortBranch, head, stashes: stashes.length, ...chosen };
}

async function chooseRange(
  git: ShadowGit,
  isFirst: boolean,
): Promise<Pick<LocalHistory, 'commits' | 'range'> | GitFailure> {
  const own = '--glob=refs/spuff/*';
  const known = ['--not', '--remotes'];
  const range = isFirst ? ['--branches', own, ...known] : [own, ...known, '--branches'];
  const commits = await count(git, range);
  if (typeof commits !== 'number') return commits;
  // Tags are the remote's, as a rule. Where one holds a commit that nothing else does, all go along: they are small.
  const tagged = isFirst ? await count(git, ['--tags', '--not', '--remotes', '--branches', own]) : 0;
  if (typeof tagged !== 'number') return tagged;
  return tagged === 0 ? { commits, range } : { commits: commits + tagged, range: ['--tags', ...range] };
}

async function count(git: ShadowGit, range: readonly string[]): Promise<number | GitFailure> {
  const counted = await git.read(['rev-list', '--count', ...range]);
  return Buffer.isBuffer(counted) ? Number(counted.toString('utf8').trim()) : counted;
}

/** The newest first, as `git stash list` has them. */
async function listStashes(git: ShadowGit): Promise<string[]> {
  const newest = textOf(await git.read(['rev-parse', '--verify', '-q', 'refs/stash']));
  if (newest === null) return [];
  const logged = textOf(await git.read(['log', '-g', '--format=%H', 'refs/stash', '--']));
  const objects = (logged ?? '').split('\n').filter((line) => /^[0-9a-f]{40,64}$/.test(line));
  return [...new Set([newest, ...objects])].slice(0, 1_000);
}

function textOf(output: Buffer | GitFailure): string | null {
  const text = Buffer.isBuffer(output) ? output.toString('utf8').trim() : '';
  return text === '' ? null : text;
}
