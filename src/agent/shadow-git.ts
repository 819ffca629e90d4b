/**
 * git for repositories that nobody vouches for. A repository's configuration can name programs that git runs on the most
 * harmless command: `core.fsmonitor`, hooks, filters, `diff.*.textconv`, what it includes. Naming each of them to switch it
 * off would miss the next one. So git never gets to read it: it works in a folder beside, with a configuration of our own,
 * where objects and refs are links to the repository's and the index is a copy. The repository is only read.
 */
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '../lib/process.ts';
import type { FoundRepository } from './find-repositories.ts';

const commandTimeoutMs = 5 * 60_000;
/** Names of refs and files. */
const maxListBytes = 64 * 1024 * 1024;

export interface GitFailure {
  failed: string;
}

export interface ShadowGit {
  /** What git prints. */
  read(args: readonly string[], stdin?: string): Promise<Buffer | GitFailure>;
  /** What git prints, in a file. `tooLarge`: there is more than `maxBytes` of it. */
  write(
    args: readonly string[],
    path: string,
    maxBytes: number,
  ): Promise<{ bytes: number } | { tooLarge: true } | GitFailure>;
  /** false: nothing was ever checked out, or staged. */
  hasIndex: boolean;
  /** What of the repository's configuration counts, and where `origin` is. */
  config: ReadonlyMap<string, string>;
  /** From now on these are the refs there are, and the repository's count no more. */
  setRefs(refs: ReadonlyMap<string, string>, head: string | null): void;
}

/** Settings that say how the files are to be read, each with what it may say. They can't name a program. */
const harmless: ReadonlyArray<readonly [string, RegExp]> = [
  ...['filemode', 'ignorecase', 'symlinks', 'precomposeunicode', 'sparsecheckout', 'sparsecheckoutcone'].map(
    (name) => [`core.${name}`, /^(?:true|false|yes|no|on|off|1|0)$/i] as const,
  ),
  ['core.autocrlf', /^(?:true|false|input)$/i],
  ['core.eol', /^(?:lf|crlf|native)$/i],
  ['extensions.objectformat', /^(?:sha1|sha256)$/],
  ['extensions.refstorage', /^(?:files|reftable)$/],
];

const asked = [...harmless.map(([name]) => name), 'remote.origin.url', 'status.showuntrackedfiles'];

/** Makes the folder, which must not be there yet. @returns null where the repository can't be read at all */
export async function openShadowGit(repository: FoundRepository, folder: string): Promise<ShadowGit | null> {
  const { gitDir, commonDir, root, kind } = repository;
  mkdirSync(folder, { mode: 0o700 });
  const config = new Map<string, string>();
  try {
    linkInto(folder, commonDir, ['objects', 'refs', 'packed-refs', 'logs', 'reftable', 'shallow', 'info']);
    copySmall(join(gitDir, 'HEAD'), join(folder, 'HEAD'), 4_096);
    if (kind !== 'bare') copyIndex(gitDir, folder);
    // git takes a folder for a repository's only where these are.
    for (const name of ['objects', 'refs']) if (!exists(join(folder, name))) mkdirSync(join(folder, name));
  } catch {
    return null;
  }
  writeConfig(folder, config, kind === 'bare');
  const environment = gitEnvironment(folder, kind === 'bare' ? null : root);
  const argv = (args: readonly string[]) => [
    ...['env', '-i', ...environment, 'git', '--no-pager', '--no-replace-objects', ...overrides],
    ...args,
  ];
  const at = kind === 'bare' ? folder : root;
  for (const path of [join(commonDir, 'config'), join(gitDir, 'config.worktree')])
    await readConfig(path, (args) => runGit(argv(args), folder), config);
  writeConfig(folder, config, kind === 'bare');
  return {
    config,
    hasIndex: exists(join(folder, 'index')),
    read: (args, stdin) => runGit(argv(args), at, stdin),
    write: (args, path, maxBytes) => writeGit(argv(args), at, path, maxBytes),
    setRefs: (refs, head) => {
      for (const name of ['refs', 'packed-refs', 'logs', 'reftable'])
        rmSync(join(folder, name), { recursive: true, force: true });
      mkdirSync(join(folder, 'refs'));
      config.delete('extensions.refstorage');
      writeConfig(folder, config, kind === 'bare');
      const lines = [...refs].map(([name, object]) => `${object} ${name}\n`);
      writeFileSync(join(folder, 'packed-refs'), lines.join(''));
      writeFileSync(join(folder, 'HEAD'), `${head ?? 'ref: refs/heads/none'}\n`);
    },
  };
}

/** Over what our configuration says already: for what git's own defaults may become. */
const overrides = [
  ...['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'core.untrackedCache=false', 'gc.auto=0'],
  ...['core.attributesFile=/dev/null', 'maintenance.auto=false', 'submodule.recurse=false'],
  ...['protocol.allow=never', 'diff.external=', 'core.quotePath=true'],
].flatMap((setting) => ['-c', setting]);

function gitEnvironment(folder: string, workTree: string | null): string[] {
  return [
    ...['PATH=/usr/local/bin:/usr/bin:/bin', `HOME=${homedir()}`, 'LC_ALL=C', `GIT_DIR=${folder}`],
    ...(workTree === null ? [] : [`GIT_WORK_TREE=${workTree}`]),
    ...['GIT_CONFIG_NOSYSTEM=1', 'GIT_CONFIG_GLOBAL=/dev/null', 'GIT_ATTR_NOSYSTEM=1'],
    ...['GIT_TERMINAL_PROMPT=0', 'GIT_NO_LAZY_FETCH=1', 'GIT_ALLOW_PROTOCOL='],
  ];
}

function linkInto(folder: string, from: string, names: readonly string[]): void {
  for (const name of names) if (exists(join(from, name))) symlinkSync(join(from, name), join(folder, name));
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** An index of millions of files. */
const mostIndexBytes = 500_000_000;

/** A file with a hole of a terabyte must not become one without. */
function copySmall(from: string, to: string, mostBytes: number): void {
  if (statSync(from).size > mostBytes) throw new RangeError(`${from} is too large`);
  copyFileSync(from, to);
}

/**
 * With its time: git looks into files that were changed at the time of the index or later, and believes what the index
 * says of the older ones.
 */
function copyIndex(gitDir: string, folder: string): void {
  const index = join(gitDir, 'index');
  const stat = statSync(index, { throwIfNoEntry: false });
  if (!stat?.isFile()) return;
  copySmall(index, join(folder, 'index'), mostIndexBytes);
  const seconds = Math.floor(stat.mtimeMs / 1_000);
  utimesSync(join(folder, 'index'), seconds, seconds);
  const parts = readdirSync(gitDir).filter((name) => /^sharedindex\.[0-9a-f]+$/.test(name));
  linkInto(folder, gitDir, parts);
}

async function readConfig(
  path: string,
  run: (args: readonly string[]) => Promise<Buffer | GitFailure>,
  into: Map<string, string>,
): Promise<void> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return;
  const pattern = `^(${asked.map((name) => name.replaceAll('.', '[.]')).join('|')})$`;
  const found = await run(['config', '--file', path, '--no-includes', '-z', '--get-regexp', pattern]);
  if (!Buffer.isBuffer(found)) return;
  for (const entry of found.toString('utf8').split('\0')) {
    const [name = '', value = 'true'] = entry.split(/\n(.*)/s);
    if (asked.includes(name)) into.set(name, value);
  }
}

function writeConfig(folder: string, config: ReadonlyMap<string, string>, isBare: boolean): void {
  const kept = harmless.filter(([name, pattern]) => pattern.test(config.get(name) ?? ''));
  const version = kept.some(([name]) => name.startsWith('extensions.')) ? 1 : 0;
  const lines = kept.map(([name]) => {
    const [section, key] = name.split('.');
    return `[${section}]\n\t${key} = ${config.get(name)}\n`;
  });
  const own = `[core]\n\trepositoryformatversion = ${version}\n\tbare = ${isBare}\n`;
  writeFileSync(join(folder, 'config'), own + lines.join(''));
}

class TooLarge extends Error {}

async function runGit(argv: readonly string[], cwd: string, stdin?: string): Promise<Buffer | GitFailure> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const take = async (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > maxListBytes) throw new TooLarge();
    chunks.push(chunk);
  };
  const failure = await run(argv, cwd, take, stdin);
  if (failure === 'too-large') return { failed: 'it has too many names' };
  return failure ?? Buffer.concat(chunks);
}

async function writeGit(
  argv: readonly string[],
  cwd: string,
  path: string,
  maxBytes: number,
): Promise<{ bytes: number } | { tooLarge: true } | GitFailure> {
  const file = await open(path, 'wx', 0o600);
  let bytes = 0;
  try {
    const failure = await run(argv, cwd, async (chunk) => {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new TooLarge();
      await file.writeFile(chunk);
    });
    if (failure === 'too-large') return { tooLarge: true };
    return failure ?? { bytes };
  } finally {
    await file.close();
  }
}

/** null: it went well. */
async function run(
  argv: readonly string[],
  cwd: string,
  onOutput: (chunk: Uint8Array) => Promise<void>,
  stdin?: string,
): Promise<GitFailure | 'too-large' | null> {
  try {
    const { exitCode, stderr, timedOut } = await runProcess(argv, {
      ...{ cwd, onOutput, timeoutMs: commandTimeoutMs },
      ...(stdin !== undefined && { stdin }),
    });
    if (timedOut) return { failed: 'git did not come to an end' };
    if (exitCode === 0) return null;
    return { failed: stderr.trim().split('\n').at(-1)?.slice(0, 300) || `git ended with ${exitCode}` };
  } catch (error) {
    if (error instanceof TooLarge) return 'too-large';
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
