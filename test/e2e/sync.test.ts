/** A project's files on their way to a machine and back, with real programs on both sides. */
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SyncScene } from './sync-scene.ts';

let scene: SyncScene;

const oddNames = [
  '-rf',
  '#note',
  'a\nb.txt',
  'Grüße 日本.txt',
  'it\'s "quoted" \\ $HOME',
  ' space ',
  'src/deep/er/x',
];
beforeAll(async () => {
  scene = new SyncScene();
  put('README.md', 'hello\n');
  put('run.sh', '#!/bin/sh\necho hi\n', 0o755);
  put('my.env', 'ignored');
  put('node_modules/x/index.js', 'ignored');
  for (const name of oddNames) put(name, name);
  symlinkSync('/etc/hostname', join(scene.folder, 'outside'));
  symlinkSync('src', join(scene.folder, 'inside'));
  git('add', 'README.md', '.gitignore', 'run.sh');
  git('commit', '-q', '-m', 'first');
  put('README.md', 'hello, changed\n');
  await scene.up();
});

afterAll(() => scene.remove());

const put: SyncScene['put'] = (...args) => scene.put(...args);
const read: SyncScene['read'] = (name) => scene.read(name);
const git: SyncScene['git'] = (...args) => scene.git(...args);
const sync: SyncScene['sync'] = (...args) => scene.sync(...args);
const report: SyncScene['report'] = (...args) => scene.report(...args);
const there: SyncScene['there'] = (...argv) => scene.there(...argv);

it('is there after up: names of all kinds, links as links, modes, and the repository', async () => {
  for (const name of oddNames) expect(await there('cat', `./${name}`)).toBe(name);
  expect(await there('readlink', 'outside', 'inside')).toBe('/etc/hostname\nsrc\n');
  expect(await there('./run.sh')).toBe('hi\n');
  expect(await there('git', 'log', '--format=%s %an')).toBe('first Ann\n');
  expect(await there('git', 'status', '--short', '--untracked-files=no')).toBe(' M README.md\n');
  expect(await there('git', 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('main\n');
});

it('leaves here what git ignores', async () => {
  expect(await there('sh', '-c', 'ls -d my.env node_modules 2>/dev/null || echo none')).toBe('none\n');
});

it('sends what has changed alone, and nothing when nothing has', async () => {
  expect(await report()).toMatchObject({ brought: [], removed: [] });
  put('src/deep/er/x', 'other');
  expect(await report()).toMatchObject({ brought: ['src/deep/er/x'], removed: [] });
  expect(await there('cat', 'src/deep/er/x')).toBe('other');
});

it('removes there what was sent and is gone here, and nothing else', async () => {
  put('gone/a', 'a');
  put('gone/b', 'b');
  await report();
  await there('sh', '-c', 'echo own >gone/own; echo b2 >gone/b');
  rmSync(join(scene.folder, 'gone'), { recursive: true });
  const refused = await sync();
  expect(refused.exitCode).toBe(5);
  expect(refused.stderr).toContain('gone/b');
  expect(await there('ls', 'gone')).toBe('a\nb\nown\n');
  put('gone/b', 'b2\n');
  expect(await report()).toMatchObject({ removed: ['gone/a'] });
  expect(await there('ls', 'gone')).toBe('b\nown\n');
});

it('sends nothing at all while a file was changed on both sides, and with --force what is here', async () => {
  put('both', 'one');
  await report();
  await there('sh', '-c', 'echo theirs >both; echo only >only-there');
  put('both', 'ours');
  put('fresh', 'fresh');
  const refused = await sync();
  expect(refused.exitCode).toBe(5);
  expect(refused.stderr).toContain('both');
  expect(await there('cat', 'both')).toBe('theirs\n');
  expect(await there('sh', '-c', 'ls fresh || echo none')).toBe('none\n');
  expect(await report('--force')).toMatchObject({ brought: ['both', 'fresh'] });
  expect(await there('cat', 'both', 'only-there')).toBe('oursonly\n');
});

it('brings down what was changed there alone, and leaves what was changed on both sides', async () => {
  put('mine', 'one');
  put('theirs', 'one');
  put('both', 'one');
  await report();
  await there(
    'sh',
    '-c',
    'for f in theirs both; do echo there >$f; done; ln -s /etc/passwd new-link; chmod +x theirs',
  );
  put('mine', 'mine');
  put('both', 'here');
  const { exitCode, stdout } = await sync('--down');
  expect(exitCode).toBe(5);
  const { brought, conflicts } = JSON.parse(stdout).sync as Record<string, string[]>;
  expect(conflicts).toEqual(['both']);
  expect(brought).toEqual(expect.arrayContaining(['theirs', 'new-link', 'only-there', 'gone/own']));
  expect([read('mine'), read('theirs'), read('both')]).toEqual(['mine', 'there\n', 'here']);
  expect(lstatSync(join(scene.folder, 'new-link')).isSymbolicLink()).toBe(true);
  expect(lstatSync(join(scene.folder, 'theirs')).mode & 0o111).not.toBe(0);
  await sync('--down', '--force');
  expect(read('both')).toBe('there\n');
  expect(await report()).toMatchObject({ brought: ['mine'] });
});

it('removes here what is gone there only with --delete', async () => {
  put('tidy', 'x');
  await report();
  await there('rm', 'tidy');
  await report('--down');
  expect(read('tidy')).toBe('x');
  expect(await report('--down', '--delete')).toMatchObject({ removed: ['tidy'] });
  expect(existsSync(join(scene.folder, 'tidy'))).toBe(false);
});

it('brings commits of the same branch, and keeps those that were made there', async () => {
  put('both', 'committed');
  git('add', 'both');
  git('commit', '-q', '-m', 'second');
  await report();
  expect(await there('git', 'log', '--format=%s')).toBe('second\nfirst\n');
  await there('git', 'commit', '-q', '--allow-empty', '-m', 'theirs');
  put('mine', 'while theirs is ahead');
  await report();
  expect(await there('git', 'log', '-1', '--format=%s')).toBe('theirs\n');
  git('commit', '-q', '--allow-empty', '-m', 'ours');
  const refused = await sync();
  expect(refused.exitCode).toBe(5);
  expect(refused.stderr).toContain('commits on main');
  await report('--force');
  expect(await there('git', 'log', '-1', '--format=%s')).toBe('ours\n');
  expect(await there('git', 'for-each-ref', '--format=%(subject)', 'refs/spuff/kept')).toBe('theirs\n');
});

it('is told of a connection that is cut, and goes on the next time', async () => {
  put('cut/one', 'one');
  await there(
    'sh',
    '-c',
    `printf '%s\n' '#!/bin/sh' 'sudo pkill -KILL -u dev sshd; sleep 5' >/tmp/rsync
    sudo install -m 0755 /tmp/rsync /usr/local/bin/rsync`,
  );
  const cut = await sync();
  expect(cut.exitCode).toBe(10);
  await there('sudo', 'rm', '/usr/local/bin/rsync');
  expect(await report()).toMatchObject({ brought: expect.arrayContaining(['cut/one']) });
  expect(await there('cat', 'cut/one')).toBe('one');
});

it('does without rsync here', async () => {
  const programs = join(scene.user.path, 'bin');
  mkdirSync(programs);
  for (const name of ['ssh', 'git', 'tar', 'sh']) symlinkSync(`/usr/bin/${name}`, join(programs, name));
  put('-tar', 'by tar');
  const { exitCode, stderr } = await scene.spuff(['sync', 'shop'], { PATH: programs });
  expect(stderr).toContain('by tar');
  expect(exitCode).toBe(0);
  expect(await there('cat', './-tar')).toBe('by tar');
  expect(await report()).toMatchObject({ brought: [] });
});

it('brings each change while it watches, also after the connection was lost', async () => {
  const watching = scene.home.start(['sync', 'shop', '--watch']);
  const seen = async (name: string, text: string) => {
    put(name, text);
    await expect.poll(() => there('cat', name), { timeout: 20_000 }).toBe(text);
  };
  await seen('watched', 'one');
  await there('sudo', 'pkill', '-KILL', '-u', 'dev', 'sshd');
  await seen('watched', 'two');
  rmSync(join(scene.folder, 'watched'));
  await expect.poll(() => there('sh', '-c', 'cat watched || echo gone'), { timeout: 20_000 }).toBe('gone\n');
  watching.kill('SIGINT');
  expect((await once(watching, 'exit'))[0]).toBe(0);
});

it('goes by git where the project says so, and keeps what was changed there', async () => {
  scene.write({ name: 'by-git', resources: { size: 'host' }, sync: 'git' });
  const byGit = (...argv: string[]) => scene.inFolder('by-git', ...argv);
  expect((await report()).brought).toEqual(expect.arrayContaining(['-rf', 'run.sh', 'a\nb.txt']));
  expect(await byGit('cat', './a\nb.txt')).toBe('a\nb.txt');
  expect(await byGit('./run.sh')).toBe('hi\n');
  expect(await byGit('sh', '-c', 'ls *.env 2>/dev/null || echo none')).toBe('none\n');
  await byGit('sh', '-c', 'echo own >own; echo theirs >mine');
  put('README.md', 'by git');
  rmSync(join(scene.folder, '-rf'));
  expect(await report()).toMatchObject({ brought: ['README.md'], removed: ['-rf'] });
  expect(await byGit('cat', 'README.md', 'own', 'mine')).toBe('by gitown\ntheirs\n');
  put('mine', 'ours');
  const refused = await sync();
  expect(refused.exitCode).toBe(5);
  expect(refused.stderr).toContain("'mine'");
  expect(await report('--down')).toMatchObject({ brought: ['own'], conflicts: ['mine'] });
  await report('--force');
  expect(await byGit('cat', 'mine')).toBe('ours');
  expect(await byGit('git', 'log', '--all', '--format=%s', '-1')).toContain('before a sync');
});

it('needs neither a repository nor a commit', async () => {
  const plain = join(scene.user.path, 'plain');
  mkdirSync(plain);
  renameSync(join(scene.folder, '.git'), join(plain, 'git'));
  scene.write({ name: 'plain', resources: { size: 'host' } });
  const plainly = (...argv: string[]) => scene.inFolder('plain', ...argv);
  const { brought } = await report();
  expect(brought).toContain('my.env');
  expect(await plainly('ls', '.git').catch(() => 'none')).toBe('');
  git('init', '-q', '-b', 'trunk');
  expect(await report()).toMatchObject({ removed: [] });
  expect(await plainly('git', 'symbolic-ref', 'HEAD')).toBe('refs/heads/trunk\n');
});
