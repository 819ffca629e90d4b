/** What one repository has that nobody else has, as files beside it. */
import { join } from 'node:path';
import {
  type LeftOut,
  type LeftOutPart,
  type LeftOutReason,
  type RescuedRepository,
  rescueFiles,
} from '../domain/rescue.ts';
import type { FoundRepository } from './find-repositories.ts';
import { type LocalHistory, readHistory } from './read-refs.ts';
import { type GitFailure, openShadowGit, type ShadowGit } from './shadow-git.ts';

/** A file that git wrote, to be sent and removed. */
export interface MadeFile {
  name: string;
  path: string;
  bytes: number;
}

export interface CollectedRepository {
  /** Without what only the end tells: its directory, and how many of its files were sent. */
  about: Omit<RescuedRepository, 'directory' | 'untracked'>;
  files: MadeFile[];
  /** Paths of untracked files, as git has them. */
  untracked: Buffer[];
  leftOut: LeftOut[];
}

export interface Budget {
  historyBytes: number;
  filesBytes: number;
}

const diffOptions = [
  ...['diff', '--binary', '--full-index', '--no-ext-diff', '--no-textconv', '--no-color', '--no-renames'],
  // Looking whether a submodule is changed would run git in it, with its own configuration.
  '--ignore-submodules=dirty',
];

const mostUntracked = 20_000;

/**
 * @param folder where it may write; not there yet
 * @param isFirst whether no other work tree of the same repository came before
 */
export async function collectRepository(
  repository: FoundRepository,
  folder: string,
  budget: Budget,
  isFirst: boolean,
): Promise<CollectedRepository> {
  const collector = new Collector(repository, folder, budget);
  await collector.collect(isFirst);
  return collector.result();
}

class Collector {
  readonly #repository: FoundRepository;
  readonly #folder: string;
  readonly #budget: Budget;
  readonly #files: MadeFile[] = [];
  readonly #leftOut: LeftOut[] = [];
  #untracked: Buffer[] = [];
  #history: LocalHistory | null = null;
  #remote: string | null = null;
  #inMerge = false;

  constructor(repository: FoundRepository, folder: string, budget: Budget) {
    this.#repository = repository;
    this.#folder = folder;
    this.#budget = budget;
  }

  async collect(isFirst: boolean): Promise<void> {
    const git = await openShadowGit(this.#repository, this.#folder);
    if (git === null) return this.#leave('repository', 'unreadable');
    this.#remote = withoutCredentials(git.config.get('remote.origin.url'));
    const history = await readHistory(git, this.#repository, isFirst);
    if ('failed' in history) this.#leave('commits', 'git-failed', history.failed);
    else await this.#bundle(git, history);
    if (this.#repository.kind === 'bare') return;
    await this.#collectChanges(git);
    await this.#listUntracked(git);
  }

  async #collectChanges(git: ShadowGit): Promise<void> {
    if (!git.hasIndex) return;
    const base = await this.#findBase(git);
    if (base === null) return;
    const conflicts = await git.read(['ls-files', '--unmerged', '-z']);
    this.#inMerge = Buffer.isBuffer(conflicts) && conflicts.length > 0;
    if (this.#inMerge) await this.#make(git, 'changes', [...diffOptions, base]);
    else {
      await this.#make(git, 'staged', [...diffOptions, '--cached', base]);
      await this.#make(git, 'changes', diffOptions);
    }
  }

  result(): CollectedRepository {
    const has = (name: string) => this.#files.some((file) => file.name === name);
    const { path, kind } = this.#repository;
    const history = this.#history;
    const hasBundle = has(rescueFiles.commits);
    return {
      about: {
        ...{ path, kind, remote: this.#remote, inMerge: this.#inMerge },
        ...{ branch: history?.branch ?? null, head: history?.head ?? null },
        ...{
          commits: hasBundle ? (history?.commits ?? 0) : 0,
          stashes: hasBundle ? (history?.stashes ?? 0) : 0,
        },
        ...{ hasStaged: has(rescueFiles.staged), hasChanges: has(rescueFiles.changes) },
      },
      files: this.#files,
      untracked: this.#untracked,
      leftOut: this.#leftOut,
    };
  }

  async #bundle(git: ShadowGit, history: LocalHistory): Promise<void> {
    this.#history = history;
    if (history.commits > 0) await this.#make(git, 'commits', ['bundle', 'create', '-', ...history.range]);
  }

  /** What changes are told against; before the first commit that is a tree of nothing. */
  async #findBase(git: ShadowGit): Promise<string | null> {
    if (this.#history?.head) return 'HEAD';
    const head = await git.read(['rev-parse', '--verify', '-q', 'HEAD^{commit}']);
    if (Buffer.isBuffer(head)) return 'HEAD';
    const empty = await git.read(['hash-object', '-t', 'tree', '/dev/null']);
    if (Buffer.isBuffer(empty)) return empty.toString('utf8').trim();
    this.#leave('changes', 'git-failed', empty.failed);
    return null;
  }

  async #make(
    git: ShadowGit,
    part: 'commits' | 'staged' | 'changes',
    args: readonly string[],
  ): Promise<void> {
    const path = join(this.#folder, `spuff-${part}`);
    const made = await git.write(args, path, this.#budget.historyBytes);
    if ('failed' in made) return this.#leave(part, 'git-failed', made.failed);
    if ('tooLarge' in made) return this.#leave(part, 'too-large');
    if (made.bytes === 0) return;
    this.#budget.historyBytes -= made.bytes;
    this.#files.push({ name: rescueFiles[part], path, bytes: made.bytes });
  }

  async #listUntracked(git: ShadowGit): Promise<void> {
    if (/^(?:no|false|off|0)$/i.test(git.config.get('status.showuntrackedfiles') ?? '')) return;
    const listed = await git.read(['ls-files', '-z', '--others', '--exclude-standard']);
    if (isFailure(listed)) return this.#leave('file', 'git-failed', listed.failed);
    // With a slash at the end it is a repository of its own.
    const paths = splitAtNul(listed).filter((path) => path.at(-1) !== slash);
    this.#untracked = paths.slice(0, mostUntracked);
    const rest = paths.length - mostUntracked;
    if (rest > 0) this.#leave('file', 'too-many', `${rest} more untracked files`);
  }

  #leave(part: LeftOutPart, why: LeftOutReason, detail: string | null = null): void {
    this.#leftOut.push({ repository: this.#repository.path, part, path: null, bytes: null, why, detail });
  }
}

const slash = 0x2f;

function isFailure(output: Buffer | GitFailure): output is GitFailure {
  return !Buffer.isBuffer(output);
}

function splitAtNul(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    const stop = end < 0 ? bytes.length : end;
    if (stop > start) parts.push(bytes.subarray(start, stop));
    start = stop + 1;
  }
  return parts;
}

/** A name, a password or a token stands before the `@`, and in a query. */
function withoutCredentials(url: string | undefined): string | null {
  if (url === undefined || url.length > 2_000) return null;
  return url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1').replace(/[?#].*$/s, '');
}
