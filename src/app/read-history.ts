/** What of a repository goes to a machine: its refs and ends, and of its configuration what holds no secret. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemErrorCode } from '../domain/errors.ts';
import { runGit } from '../lib/git.ts';
import { redactTokens } from '../lib/token-shapes.ts';

export interface LocalHistory {
  /** The commit that is checked out; null: there is none yet. */
  head: string | null;
  /** `refs/heads/main`; null: a commit alone is checked out. */
  branch: string | null;
  format: 'sha1' | 'sha256';
  /** Branches, tags and what was fetched, by name. */
  refs: ReadonlyMap<string, string>;
  /** The commits where a shallow history ends. */
  shallow: readonly string[];
}

const sentRefs = ['refs/heads', 'refs/tags', 'refs/remotes'];

/** @returns null for what is no repository's own folder, and for one that has only parts of its objects */
export async function readHistory(root: string, signal: AbortSignal): Promise<LocalHistory | null> {
  const ask = async (...args: string[]) => {
    const { exitCode, stdout } = await runGit(args, { cwd: root, signal });
    return exitCode === 0 ? stdout.trim() : null;
  };
  const [wayUp, partial, promisors, listed, isShallow, shallowPath, head, branch, format] = await Promise.all(
    [
      // In a folder of a repository this is the way up to it.
      ask('rev-parse', '--show-cdup'),
      ask('config', '--get', 'extensions.partialClone'),
      // By now git clone --filter writes this alone.
      ask('config', '--type=bool', '--get-regexp', String.raw`^remote\..*\.promisor$`),
      ask('for-each-ref', '--format=%(objectname) %(refname) %(symref)', ...sentRefs),
      ask('rev-parse', '--is-shallow-repository'),
      ask('rev-parse', '--git-path', 'shallow'),
      ask('rev-parse', '-q', '--verify', 'HEAD^{commit}'),
      ask('symbolic-ref', '-q', 'HEAD'),
      ask('rev-parse', '--show-object-format'),
    ],
  );
  if (wayUp !== '' || partial !== null || / true$/m.test(promisors ?? '')) return null;
  const refs = new Map<string, string>();
  for (const line of (listed ?? '').split('\n')) {
    const [id, name, leadsTo] = line.split(' ');
    if (id && name && !leadsTo) refs.set(name, id);
  }
  const shallow = isShallow === 'true' && shallowPath !== null ? readEnds(resolve(root, shallowPath)) : [];
  return { head, branch, format: format === 'sha256' ? 'sha256' : 'sha1', refs, shallow };
}

function readEnds(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => /^[0-9a-f]{40,64}$/.test(line));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Settings for the repository there, by name and value: who commits, where it came from, and where its branch goes. */
export async function configForMachine(
  root: string,
  { branch }: Pick<LocalHistory, 'branch'>,
  signal: AbortSignal,
): Promise<[name: string, value: string][]> {
  const { stdout } = await runGit(['config', '--null', '--list', '--includes'], { cwd: root, signal });
  const last = new Map<string, string>();
  for (const entry of stdout.split('\0')) {
    const [name = '', value = ''] = entry.split(/\n(.*)/s);
    last.set(name, value);
  }
  const short = branch?.replace('refs/heads/', '') ?? '';
  return [...last].flatMap(([name, value]): [string, string][] => {
    if (!isHarmless(value) && !name.endsWith('.url')) return [];
    if (['user.name', 'user.email'].includes(name)) return [[name, value]];
    if ([`branch.${short}.remote`, `branch.${short}.merge`].includes(name)) return [[name, value]];
    if (/^remote\.[\w./-]+\.fetch$/.test(name)) return [[name, value]];
    const url = /^remote\.[\w./-]+\.url$/.test(name) ? withoutCredential(value) : null;
    return url === null || !isHarmless(url) ? [] : [[name, url]];
  });
}

function isHarmless(value: string): boolean {
  return value !== '' && !/\p{Cc}/u.test(value) && redactTokens(value) === value;
}

/** A remote's address without what logs in there; null for one that means nothing elsewhere, such as a folder here. */
export function withoutCredential(address: string): string | null {
  if (/^[\w.-]+@[A-Za-z0-9.-]+:(?!:)[^\s]+$/.test(address) && !address.includes('://')) return address;
  const url = URL.parse(address);
  if (url === null || !['https:', 'http:', 'ssh:', 'git:'].includes(url.protocol)) return null;
  url.password = '';
  // With SSH it says whose account, which is the forge's; elsewhere it may be the token itself.
  if (url.protocol !== 'ssh:') url.username = '';
  url.search = '';
  url.hash = '';
  return url.href;
}
