/** What a machine says of the work that it sends. Every field is looked at; null: it is something else. */
import type { LeftOut, RescuedRepository, RescueSummary, RescueTrailer } from './rescue.ts';

const mostEntries = 500_000;

/** What it has besides is dropped. */
export function readSummary(text: string): RescueSummary | null {
  return orNull(() => {
    const { version, repositories, leftOut } = fieldsOf(JSON.parse(text));
    if (version !== 1) throw new WrongShape();
    return {
      version,
      repositories: listOf(repositories).map(readRepository),
      leftOut: listOf(leftOut).map(readLeftOut),
    };
  });
}

export function readTrailer(text: string): RescueTrailer | null {
  return orNull(() => {
    const said = fieldsOf(JSON.parse(text));
    const sha256 = textOf(said['sha256']);
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new WrongShape();
    return {
      sha256,
      bytes: countOf(said['bytes']),
      repositories: countOf(said['repositories']),
      commits: countOf(said['commits']),
      stashes: countOf(said['stashes']),
      patches: countOf(said['patches']),
      files: countOf(said['files']),
      leftOut: countOf(said['leftOut']),
      lost: countOf(said['lost']),
      named: listOf(said['named']).map(readLeftOut),
    };
  });
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof WrongShape) return null;
    throw error;
  }
}

class WrongShape extends Error {}

function readRepository(value: unknown): RescuedRepository {
  const one = fieldsOf(value);
  const directory = textOf(one['directory']);
  if (!/^[A-Za-z0-9_+][A-Za-z0-9._+-]{0,120}$/.test(directory)) throw new WrongShape();
  return {
    directory,
    path: textOf(one['path']),
    kind: wordOf(one['kind'], ['repository', 'worktree', 'submodule', 'bare']),
    remote: textOrNull(one['remote']),
    branch: textOrNull(one['branch']),
    head: textOrNull(one['head']),
    commits: countOf(one['commits']),
    stashes: countOf(one['stashes']),
    hasStaged: one['hasStaged'] === true,
    hasChanges: one['hasChanges'] === true,
    inMerge: one['inMerge'] === true,
    untracked: countOf(one['untracked']),
  };
}

function readLeftOut(value: unknown): LeftOut {
  const one = fieldsOf(value);
  return {
    repository: textOf(one['repository']),
    part: wordOf(one['part'], ['repository', 'commits', 'staged', 'changes', 'file']),
    path: textOrNull(one['path']),
    bytes: one['bytes'] === null ? null : countOf(one['bytes']),
    why: wordOf(one['why'], [
      ...(['too-large', 'no-room', 'link', 'special', 'unreadable', 'strange-name'] as const),
      ...(['git-failed', 'too-many'] as const),
    ]),
    detail: textOrNull(one['detail']),
  };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WrongShape();
  return value as Record<string, unknown>;
}

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value) || value.length > mostEntries) throw new WrongShape();
  return value;
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' || value.length > 10_000) throw new WrongShape();
  return value;
}

function textOrNull(value: unknown): string | null {
  return value === null ? null : textOf(value);
}

function countOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new WrongShape();
  return value;
}

function wordOf<Word extends string>(value: unknown, words: readonly Word[]): Word {
  const word = words.find((one) => one === value);
  if (word === undefined) throw new WrongShape();
  return word;
}
