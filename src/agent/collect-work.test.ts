import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { makeWork } from '../../test/fakes/work-home.ts';
import { defaultRescueLimits, type RescueSummary, type RescueTrailer } from '../domain/rescue.ts';
import { collectWork } from './collect-work.ts';

const mark = 'MARK-OF-THE-WORK';
let base: string;
let home: string;
let far: string;
let before: string;
let taken: Taken;

interface Taken {
  folder: string;
  summary: RescueSummary;
  trailer: RescueTrailer;
  bytes: Buffer;
}

async function take(limits: Partial<typeof defaultRescueLimits> = {}, of = home): Promise<Taken> {
  const folder = mkdtempSync(join(base, 'taken-'));
  const chunks: Uint8Array[] = [];
  const trailer = await collectWork(
    { home: of, temporary: base, limits: { ...defaultRescueLimits, maxFileBytes: 1_000_000, ...limits } },
    async (chunk) => void chunks.push(chunk),
  );
  const bytes = Buffer.concat(chunks);
  // The system's tar reads it: who opens a rescue without spuff has nothing else.
  execFileSync('tar', ['-x', '-C', folder], { input: bytes });
  const summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as RescueSummary;
  return { folder, summary, trailer, bytes };
}

const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, {
    cwd,
    env: { ...process.env, HOME: base, GIT_CONFIG_GLOBAL: join(far, 'gitconfig') },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const git = (cwd: string, ...args: string[]) => run('git', args, cwd);
/** Every file of a folder with its content and time of change. */
const fingerprint = (folder: string) =>
  run('sh', ['-c', 'find . -type f -printf "%p %T@ %i " -exec sha256sum {} \\; | sort | sha256sum'], folder);

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'spuff-work-'));
  home = join(base, 'home');
  far = join(base, 'far');
  makeWork(home, far, mark);
  before = fingerprint(home);
  taken = await take();
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

const repository = ({ summary }: Taken, path: string) =>
  summary.repositories.find((one) => one.path === path);

describe('what is taken of a home', () => {
  it('is all that lies nowhere else, and a trailer that agrees with it', ({ expect }) => {
    const { summary, trailer, bytes } = taken;
    const counts = Object.fromEntries(
      summary.repositories.map(({ path, kind, commits, stashes, untracked }) => [
        path,
        `${kind} ${commits} ${stashes} ${untracked}`,
      ]),
    );
    expect(counts).toEqual({
      // One commit, and what the stashes are made of: the index that both began with, each itself, and untracked files.
      app: 'repository 5 2 2',
      'app/lib': 'submodule 1 0 0',
      'app-tree': 'worktree 1 0 0',
      'deep er/ü': 'repository 0 0 0',
      hostile: 'repository 0 0 1',
      'own.git': 'bare 1 0 0',
    });
    expect(trailer).toMatchObject({ bytes: bytes.length, repositories: 6, commits: 8, stashes: 2, lost: 0 });
    expect(trailer.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('names what it leaves out', ({ expect }) => {
    const left = taken.summary.leftOut.map(({ repository, path, why, bytes, detail }) => {
      return `${repository} ${path} ${why} ${bytes} ${detail}`;
    });
    expect(left).toEqual(['app big too-large 3000000 null', 'app leads-away link null /etc/passwd']);
    expect(taken.trailer.named).toEqual(taken.summary.leftOut);
    expect(taken.bytes.includes('ignored.log')).toBe(false);
    expect(taken.bytes.includes('root:x:')).toBe(false);
  });

  it('tells where origin is, and not with which password', ({ expect }) => {
    expect(repository(taken, 'app')?.remote).toBe('https://git.example.com/app.git');
    expect(taken.bytes.includes('hunter2')).toBe(false);
  });

  it('gives every repository a folder of plain characters', ({ expect }) => {
    const names = readdirSync(taken.folder).sort();
    expect(names).toEqual(
      ['app', 'app+lib', 'app-tree', 'deep_er+_', 'hostile', 'own.git', 'summary.json'].sort(),
    );
  });
});

describe('what comes of it', () => {
  it('brings a fresh clone to the same state, staged and not', ({ expect }) => {
    const clone = join(base, 'again');
    git(base, 'clone', join(far, 'app.git'), clone);
    const files = join(taken.folder, 'app');
    git(clone, 'fetch', join(files, 'commits.bundle'), 'refs/*:refs/rescued/*');
    git(clone, 'apply', '--index', join(files, 'staged.patch'));
    git(clone, 'apply', join(files, 'changes.patch'));
    const own = join(home, 'app');
    const skipLib = ['--', '.', ':!lib'];
    expect(git(clone, 'diff', '--cached', '--binary', ...skipLib)).toBe(
      git(own, 'diff', '--cached', '--binary', ...skipLib),
    );
    expect(git(clone, 'diff', '--binary', ...skipLib)).toBe(git(own, 'diff', '--binary', ...skipLib));
    expect(git(clone, 'show', 'refs/rescued/heads/side:side')).toBe(`${mark} side\n`);
    expect(git(clone, 'show', 'refs/rescued/spuff/stash/001:unstaged')).toBe(`${mark} stash one\n`);
    expect(git(clone, 'show', 'refs/rescued/spuff/stash/000^3:untracked-stash')).toBe(`${mark} stash two\n`);
    expect(readFileSync(join(files, 'untracked/new/deep/a file'), 'utf8')).toBe(`${mark} new\n`);
    git(clone, 'stash');
    git(clone, 'stash', 'apply', 'refs/rescued/spuff/stash/000');
    expect(readFileSync(join(clone, 'untracked-stash'), 'utf8')).toBe(`${mark} stash two\n`);
  });

  it('has the commits of a detached work tree, of a submodule, of a bare repository, and the first changes of a new one', ({
    expect,
  }) => {
    const clone = join(base, 'again');
    git(clone, 'fetch', join(taken.folder, 'app-tree/commits.bundle'), 'refs/spuff/head:refs/rescued/tree');
    expect(git(clone, 'show', 'refs/rescued/tree:tree')).toBe(`${mark} tree\n`);
    expect(readFileSync(join(taken.folder, 'app-tree/changes.patch'), 'utf8')).toContain(`+${mark} dirty`);
    git(join(far, 'library'), 'fetch', join(taken.folder, 'app+lib/commits.bundle'), 'refs/heads/fix:fix');
    expect(git(join(far, 'library'), 'show', 'fix:fix')).toBe(`${mark} lib\n`);
    git(base, 'clone', '--branch', 'main', join(taken.folder, 'own.git/commits.bundle'), 'bare-again');
    expect(readFileSync(join(base, 'bare-again/bare'), 'utf8')).toBe(`${mark} bare\n`);
    expect(readFileSync(join(taken.folder, 'deep_er+_/staged.patch'), 'utf8')).toContain(`+${mark} unborn`);
  });
});

describe('a repository that means harm', () => {
  it('has none of its programs run, and is taken like any other', ({ expect }) => {
    expect(readdirSync(far).filter((name) => name.startsWith('pwned'))).toEqual([]);
    const changes = readFileSync(join(taken.folder, 'hostile/changes.patch'), 'utf8');
    expect(changes).toContain(`+${mark} hostile`);
    expect(changes).toContain(`+${mark} filtered`);
  });

  it('would run them for anybody who asks git the plain way', ({ expect }) => {
    const copy = join(base, 'hostile-copy');
    run('cp', ['-a', join(home, 'hostile'), copy], base);
    run('sh', ['-c', 'git -c core.worktree=. status; git -c core.worktree=. diff; true'], copy);
    const ran = readdirSync(far).filter((name) => name.startsWith('pwned'));
    for (const name of ran) rmSync(join(far, name));
    expect(ran).toEqual(expect.arrayContaining(['pwned-fsmonitor']));
  });

  it('leaves nothing of a run that was killed an hour ago', async ({ expect }) => {
    const [old, young] = ['old', 'young'].map((name) => join(base, `spuff-rescue-${name}`)) as [
      string,
      string,
    ];
    for (const path of [old, young]) mkdirSync(join(path, 'work'), { recursive: true });
    utimesSync(old, 1_000, 1_000);
    await take({}, mkdtempSync(join(base, 'empty-')));
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  it('is left as it was, with its index and its times', ({ expect }) => {
    expect(fingerprint(home)).toBe(before);
  });
});

describe('limits', () => {
  it('leave out untracked files when all of them are too many bytes, and nothing else', async ({
    expect,
  }) => {
    const { summary } = await take({ maxFilesBytes: 20 });
    expect(summary.leftOut.filter(({ why }) => why === 'no-room').length).toBeGreaterThan(0);
    expect(repository({ ...taken, summary }, 'app')).toMatchObject({ commits: 5, hasChanges: true });
  });

  it('call it lost when commits or changes are too large', async ({ expect }) => {
    const { summary, trailer } = await take({ maxHistoryBytes: 300 });
    expect(trailer.lost).toBeGreaterThan(2);
    expect(trailer.named[0]).toMatchObject({
      part: expect.stringMatching(/commits|staged|changes/),
      why: 'too-large',
    });
    expect(repository({ ...taken, summary }, 'app')).toMatchObject({ commits: 0, stashes: 0 });
  });
});

describe('odd repositories', () => {
  it('in the middle of a merge has one patch, against its commit', async ({ expect }) => {
    const own = join(base, 'merging');
    mkdirSync(own);
    const inside = join(own, 'repository');
    git(own, 'init', 'repository');
    const commit = (text: string) => {
      writeFileSync(join(inside, 'file'), text);
      git(inside, 'add', '.');
      git(inside, 'commit', '-m', text);
    };
    commit('one\n');
    git(inside, 'checkout', '-b', 'other');
    commit('two\n');
    git(inside, 'checkout', 'main');
    commit('three\n');
    run('sh', ['-c', 'git merge other || true'], inside);
    const { summary, folder } = await take({}, own);
    expect(summary.repositories[0]).toMatchObject({
      inMerge: true,
      hasChanges: true,
      hasStaged: false,
      commits: 3,
    });
    git(base, 'clone', '--branch', 'main', join(folder, 'repository/commits.bundle'), 'merged');
    git(join(base, 'merged'), 'apply', join(folder, 'repository/changes.patch'));
    expect(readFileSync(join(base, 'merged/file'), 'utf8')).toContain('<<<<<<<');
  });

  it('are taken without asking a remote: shallow, partial, sparse, of another hash, with half an index', async ({
    expect,
  }) => {
    const own = join(base, 'odd');
    const script = `set -e
      git clone -q --filter=blob:none "$1" partial; (cd partial; echo m >>both; git commit -qam m; echo x >>staged)
      git clone -q --depth 1 "$1" shallow; (cd shallow; echo m >>both; git commit -qam m; echo x >>staged)
      git clone -q --sparse "$1" sparse; (cd sparse; echo m >>both; git commit -qam m; echo x >>staged)
      git init -q --object-format=sha256 sha256; (cd sha256; echo a >a; git add a; git commit -qm a; echo b >>a)
      git clone -q "$1" split; (cd split; git update-index --split-index; echo m >>both; git add both; echo x >>staged)
      git clone -q --no-checkout "$1" nothing; git clone -q "$1" clean`;
    mkdirSync(own);
    git(join(far, 'app.git'), 'config', 'uploadpack.allowFilter', 'true');
    run('sh', ['-c', script, 'sh', `file://${join(far, 'app.git')}`], own);
    const { summary } = await take({}, own);
    const seen = summary.repositories.map(({ path, commits, hasStaged, hasChanges }) => [
      path,
      commits,
      hasStaged,
      hasChanges,
    ]);
    expect(seen).toEqual([
      ...['partial', 'sha256', 'shallow', 'sparse'].map((path) => [path, 1, false, true]),
      ['split', 0, true, true],
    ]);
    expect(summary.leftOut).toEqual([]);
  });

  it('that are broken stop no other, and are named', async ({ expect }) => {
    const own = join(base, 'broken');
    mkdirSync(own);
    git(own, 'init', 'bad');
    writeFileSync(join(own, 'bad/.git/index'), 'no index');
    git(own, 'init', 'good');
    writeFileSync(join(own, 'good/file'), mark);
    const { summary, trailer } = await take({}, own);
    expect(summary.repositories.map(({ path, untracked }) => `${path} ${untracked}`)).toEqual([
      'bad 0',
      'good 1',
    ]);
    expect(trailer.named).toContainEqual(expect.objectContaining({ repository: 'bad', why: 'git-failed' }));
  });

  it('with changes that git would only see by the time of the index are seen', async ({ expect }) => {
    const own = join(base, 'racy');
    mkdirSync(own);
    git(own, 'init', 'one');
    // As long as before, within the same moment as the index.
    run(
      'sh',
      ['-c', 'echo aaaa >file; git add file; git commit -qm x; echo bbbb >file; touch -r .git/index file'],
      join(own, 'one'),
    );
    const { folder } = await take({}, own);
    expect(readFileSync(join(folder, 'one/changes.patch'), 'utf8')).toContain('+bbbb');
  });
});
