/** S5: what is secret here does not go along with a project's files, and what comes back runs nothing and leads nowhere else. */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SyncScene } from '../e2e/sync-scene.ts';

const token = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz';
let scene: SyncScene;

beforeAll(async () => {
  scene = new SyncScene();
  put('spuff.secrets.yaml', 'env:\n  DB_PASSWORD: hunter2\n');
  put('sub/spuff.secrets.yml', 'env: {}\n');
  put('my.env', 'SECRET=1\n');
  git('config', 'http.https://github.com/.extraheader', `AUTHORIZATION: basic ${token}`);
  git('config', 'url.https://github.com/.insteadOf', `https://${token}@github.com/`);
  git('remote', 'add', 'origin', `https://ann:${token}@github.com/you/shop.git`);
  put('.git/hooks/post-checkout', '#!/bin/sh\nexit 1\n', 0o755);
  git('add', '.gitignore');
  git('-c', 'core.hooksPath=/dev/null', 'commit', '-q', '-m', 'first');
  put(
    '.git/logs/HEAD',
    `${'0'.repeat(40)} ${'1'.repeat(40)} A <a@b> 1 +0000\tpull https://${token}@github.com/x\n`,
  );
  await scene.up();
});

afterAll(() => scene.remove());

const put: SyncScene['put'] = (...args) => scene.put(...args);
const git: SyncScene['git'] = (...args) => scene.git(...args);
const read: SyncScene['read'] = (name) => scene.read(name);
const sync: SyncScene['sync'] = (...args) => scene.sync(...args);
const report: SyncScene['report'] = (...args) => scene.report(...args);
const there: SyncScene['there'] = (...argv) => scene.there(...argv);

it('leaves here secrets, and what of the repository may hold one', async () => {
  const files = await there('find', '.', '-path', './.git/objects', '-prune', '-o', '-print');
  for (const name of [
    'my.env',
    'node_modules',
    'spuff.secrets.yaml',
    'spuff.secrets.yml',
    'hooks/post-checkout',
  ])
    expect(files).not.toContain(name);
  expect(await there('git', 'remote', 'get-url', 'origin')).toBe('https://github.com/you/shop.git\n');
  expect(await there('git', 'log', '--format=%s')).toBe('first\n');
  expect(await scene.onMachine('sh', '-c', `grep -rF ${token} shop || echo none`)).toBe('none\n');
});

it('takes nothing of a repository down, nor what runs here by itself', async () => {
  git('config', 'core.hooksPath', '.husky');
  await there(
    'sh',
    '-c',
    `
    mkdir -p .husky nested && git init -q nested && echo evil >nested/file
    for f in .git/hooks/post-checkout .husky/pre-commit spuff.yaml spuff.secrets.yaml; do echo evil >$f; done
    git config core.fsmonitor evil`,
  );
  const before = [read('spuff.yaml'), read('.git/config'), read('.git/hooks/post-checkout')];
  const { brought } = await report('--down');
  expect(brought).toEqual([]);
  expect([read('spuff.yaml'), read('.git/config'), read('.git/hooks/post-checkout')]).toEqual(before);
  expect(existsSync(join(scene.folder, '.husky'))).toBe(false);
  await there('rm', '-rf', 'spuff.yaml', 'nested', '.husky');
  await there('git', 'config', '--unset', 'core.fsmonitor');
});

it('writes nowhere else, whatever the machine calls its files and sends for them', async () => {
  const outside = join(scene.folder, '..', 'outside-of-it');
  mkdirSync(outside);
  await there(
    'sh',
    '-c',
    `
    rm -rf attack && mkdir -p attack/a && cd attack && echo evil >a/x && tar -cf /tmp/evil.tar a/x && rm -r a
    ln -s ${outside} a && tar -cf /tmp/evil2.tar a && cd .. && rm -rf attack
    mkdir a && echo good >a/x && echo good >a-link`,
  );
  // The machine's tar sends a link in the place of the folder, then a file through it.
  await there(
    'sh',
    '-c',
    `printf '%s\n' '#!/bin/sh' 'cat >/dev/null' 'cat /tmp/evil2.tar /tmp/evil.tar' >/tmp/tar
    sudo install -m 0755 /tmp/tar /usr/local/bin/tar`,
  );
  const caught = await sync('--down');
  expect(caught.exitCode).toBe(11);
  expect(caught.stderr).toContain('not asked for');
  await there('sudo', 'rm', '/usr/local/bin/tar');
  // Here a link is where the folder of the file would be.
  symlinkSync(outside, join(scene.folder, 'a'));
  await sync('--down');
  expect(readdirSync(outside)).toEqual([]);
  rmSync(join(scene.folder, 'a'));
});

it.each(['rsync', 'git', 'without a repository'])('leaves secrets here: %s', async (mode) => {
  const name = mode.replaceAll(' ', '-');
  scene.write({ name, resources: { size: 'host' }, sync: mode === 'git' ? 'git' : 'rsync' });
  if (mode === 'without a repository') rmSync(join(scene.folder, '.git'), { recursive: true });
  // Tracked in the index, though in no commit.
  else git('add', '-f', 'sub/spuff.secrets.yml');
  put('fresh', mode);
  expect((await report()).brought).toContain('fresh');
  expect(await scene.inFolder(name, 'find', '.', '-name', '*secrets*')).toBe('');
  expect(
    await scene.inFolder(
      name,
      'sh',
      '-c',
      'git log --all --name-only 2>/dev/null | grep secrets || echo none',
    ),
  ).toBe('none\n');
});
