import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SyncWorld } from '../../test/fakes/sync-world.ts';
import { listTree } from './list-tree.ts';
import { parseLook } from './remote-tree.ts';
import { syncProject } from './sync-tree.ts';

let world: SyncWorld;

beforeEach(() => {
  world = new SyncWorld();
});

afterEach(() => world.remove());

const sync = (wishes = {}) => syncProject(world.context, world.instance, world.project, wishes);

describe('a sync', () => {
  it('keeps to itself, closed to others, what it knows of both sides', async () => {
    world.put('a', 'one');
    expect((await sync()).brought).toEqual(['a']);
    const record = join(world.base, 'home', 'sync', `${world.instance.key}.json`);
    expect(statSync(record).mode & 0o777).toBe(0o600);
    writeFileSync(record, 'nonsense');
    // Without it contents are compared.
    expect((await sync()).brought).toEqual([]);
    world.putThere('a', 'theirs');
    writeFileSync(record, 'nonsense');
    await expect(sync()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('forgets what it knew of instances that are no more', async () => {
    world.put('a', 'one');
    await sync();
    const old = join(world.base, 'home', 'sync', 'gone.json');
    writeFileSync(old, '{}');
    await sync();
    expect(existsSync(old)).toBe(false);
  });

  it('sends again what was written here meanwhile', async () => {
    world.put('a', 'one');
    world.meanwhile = () => world.put('a', 'two');
    await sync();
    world.meanwhile = () => undefined;
    expect((await sync()).brought).toEqual(['a']);
    expect(world.there('a')).toBe('two');
  });

  it('leaves what was changed there the moment it had arrived', async () => {
    world.put('a', 'one');
    world.meanwhile = () => world.putThere('a', 'theirs');
    await sync();
    world.meanwhile = () => undefined;
    expect((await sync()).brought).toEqual([]);
    world.put('a', 'ours');
    await expect(sync()).rejects.toMatchObject({ code: 'conflict' });
    expect(world.there('a')).toBe('theirs');
  });

  it('brings everything again to a folder that was removed there', async () => {
    world.put('a', 'one');
    world.put('sub/b', 'one');
    await sync();
    rmSync(join(world.machine, 'shop'), { recursive: true });
    expect((await sync()).brought).toEqual(['a', 'sub/b']);
  });

  it('knows nothing of the files of a project that has another name by now', async () => {
    world.put('a', 'one');
    await sync();
    world.project = { ...world.project, name: 'other' };
    expect((await sync()).brought).toEqual(['a']);
  });

  it('shows with a dry run what it would do, and does nothing', async () => {
    world.put('a', 'one');
    expect(await sync({ dryRun: true })).toMatchObject({ brought: ['a'], bytes: 3, dryRun: true });
    expect(existsSync(join(world.machine, 'shop'))).toBe(false);
  });

  it('does nothing where the project says none', async () => {
    world.project = { ...world.project, sync: 'none' };
    world.put('a', 'one');
    expect((await sync()).brought).toEqual([]);
    expect(world.asked).toBe(0);
  });

  it('puts a file where a folder was, and a folder where a file was', async () => {
    world.put('a/b', 'one');
    world.put('c', 'one');
    await sync();
    for (const path of ['a', 'c']) rmSync(join(world.root, path), { recursive: true });
    world.put('a', 'file');
    world.put('c/d', 'folder');
    await sync();
    expect([world.there('a'), world.there('c/d')]).toEqual(['file', 'folder']);
  });

  it('brings a repository that has not all of its history, as such', async () => {
    world.git('init', '-q', '-b', 'main');
    for (const text of ['one', 'two', 'three']) world.commit(text);
    const shallow = join(world.base, 'shallow');
    world.git('clone', '-q', '--depth', '2', `file://${world.root}`, shallow);
    world.project = { ...world.project, root: shallow };
    await sync();
    expect(world.gitThere('log', '--format=%s')).toBe('three\ntwo');
    expect(world.gitThere('status', '--short')).toBe('');
  });

  it('makes a branch of one that was rewritten here, and leaves those of the machine', async () => {
    world.git('init', '-q', '-b', 'main');
    world.commit('one');
    await sync();
    world.gitThere('branch', 'theirs');
    world.git('commit', '-q', '--amend', '--allow-empty', '-m', 'rewritten');
    await sync();
    expect(world.gitThere('log', '--format=%s', 'main')).toBe('rewritten');
    expect(world.gitThere('log', '--format=%s', 'theirs')).toBe('one');
  });

  it.each(['rsync', 'git'] as const)('by %s runs no hook of a repository, on neither side', async (mode) => {
    world.project = { ...world.project, sync: mode };
    world.git('init', '-q', '-b', 'main');
    world.commit('one');
    await sync();
    const proof = join(world.base, 'proof');
    for (const hooks of [join(world.root, '.git/hooks'), join(world.machine, 'shop/.git/hooks')])
      for (const name of ['post-checkout', 'reference-transaction', 'post-index-change', 'pre-commit'])
        writeFileSync(join(hooks, name), `#!/bin/sh\ntouch '${proof}'\n`, { mode: 0o755 });
    world.git('-c', 'core.hooksPath=/dev/null', 'commit', '-q', '--allow-empty', '-m', 'two');
    world.put('a', 'one');
    await sync();
    expect(world.there('a')).toBe('one');
    expect(world.gitThere('-c', 'core.hooksPath=/dev/null', 'log', '-1', '--format=%s')).toBe('two');
    expect(existsSync(proof)).toBe(false);
  });
});

describe('sync: git', () => {
  beforeEach(() => {
    world.project = { ...world.project, sync: 'git' };
    world.git('init', '-q', '-b', 'main');
    world.put('.gitignore', 'out\n');
    world.commit('one');
  });

  it('keeps what git ignores on the machine where a file of its name is new here', async () => {
    await sync();
    world.putThere('out', 'work');
    world.put('.gitignore', '');
    world.put('out', 'ours');
    await expect(sync()).rejects.toMatchObject({ code: 'conflict' });
    expect(world.there('out')).toBe('work');
    await sync({ force: true });
    expect(world.there('out')).toBe('ours');
    const kept = world.gitThere('for-each-ref', '--format=%(refname)', 'refs/spuff/kept');
    expect(world.gitThere('show', `${kept}:out`)).toBe('work');
  });

  it('keeps an ignored file there that a folder would replace, and a folder that a file would', async () => {
    await sync();
    world.putThere('out', 'work');
    world.put('.gitignore', '');
    world.put('out/a', 'ours');
    await expect(sync()).rejects.toMatchObject({ code: 'conflict' });
    expect(world.there('out')).toBe('work');
    rmSync(join(world.root, 'out'), { recursive: true });
    rmSync(join(world.machine, 'shop/out'));
    world.putThere('out/b', 'work');
    world.put('out', 'ours');
    await expect(sync()).rejects.toMatchObject({ code: 'conflict' });
    expect(world.there('out/b')).toBe('work');
  });

  it('puts a file where a folder was, and a folder where a file was, as they were sent', async () => {
    world.put('a/b', 'one');
    world.put('c', 'one');
    await sync();
    for (const path of ['a', 'c']) rmSync(join(world.root, path), { recursive: true });
    world.put('a', 'file');
    world.put('c/d', 'folder');
    await sync();
    expect([world.there('a'), world.there('c/d')]).toEqual(['file', 'folder']);
  });

  it('goes on with a file that git ignores but has been told to take', async () => {
    world.put('out', 'one');
    world.git('add', '-f', 'out');
    await sync();
    world.put('out', 'two');
    await sync();
    expect(world.there('out')).toBe('two');
  });
});

describe.each(['rsync', 'git'] as const)('by %s', (mode) => {
  it('reads nothing through a link that has replaced a folder', async () => {
    world.project = { ...world.project, sync: mode };
    world.git('init', '-q', '-b', 'main');
    world.put('aws/credentials', 'sample');
    world.commit('one');
    await sync();
    const real = join(world.base, 'real');
    mkdirSync(real);
    writeFileSync(join(real, 'credentials'), 'secret');
    rmSync(join(world.root, 'aws'), { recursive: true });
    symlinkSync(real, join(world.root, 'aws'));
    const { brought, left } = await sync();
    expect(brought).toEqual(['aws']);
    expect(left).toEqual([{ path: 'aws/credentials', why: 'a folder on the way to it is a link' }]);
  });
});

describe('the files of a project', () => {
  const list = async () => [...(await listTree(world.project, world.stop.signal)).files.keys()].sort();

  it('are those of repositories in it too, but nothing of their own folders', async () => {
    world.git('init', '-q');
    mkdirSync(join(world.root, 'inner'));
    world.git('init', '-q', 'inner');
    world.put('inner/.gitignore', 'out');
    world.put('inner/out', 'x');
    world.put('inner/in', 'x');
    expect(await list()).toEqual(['inner/.gitignore', 'inner/in']);
  });

  it.each(['with a repository', 'without'])('are not what is mounted from a machine: %s', async (kind) => {
    if (kind !== 'without') world.git('init', '-q');
    world.put('mnt/[a] #1/far', 'x');
    world.put('mnt/near', 'x');
    const volume = { source: null, target: 'data', mountPoint: './mnt/[a] #1/' };
    world.project = { ...world.project, volumes: [volume] };
    expect(await list()).toEqual(['mnt/near']);
  });

  it('are all there are where a repository around it ignores the folder', async () => {
    world.put('a', 'x');
    world.put('sub/b', 'x');
    writeFileSync(join(world.base, '.gitignore'), '*\n');
    world.git('init', '-q', world.base);
    expect(await list()).toEqual(['a', 'sub/b']);
    world.git('add', '-f', 'a');
    expect(await list()).toEqual(['a']);
  });
});

it('refuses an answer that describes no files', () => {
  expect(() => parseLook(Buffer.from('f 644 12 nonsense\0\0./a\0'))).toThrow('makes no sense');
  expect(() => parseLook(Buffer.from('f 644 12 1.0000000000\0\0/etc/passwd\0'))).toThrow('makes no sense');
});
