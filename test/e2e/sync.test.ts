/** A project's files on their way to a machine and back, with real programs on both sides. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ProjectScene } from './project-scene.ts';

let scene: ProjectScene;

const oddNames = [
  '-rf',
  '#note',
  'a\nb.txt',
  'Grüße 日本.txt',
  'it\'s "quoted" \\ $HOME',
  ' space ',
  'src/deep/er/x',
];
const token = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz';

beforeAll(async () => {
  scene = new ProjectScene();
  scene.write({ resources: { size: 'host' } });
  put('.gitignore', 'node_modules\nspuff.secrets.yaml\n*.env\n');
  put('README.md', 'hello\n');
  put('run.sh', '#!/bin/sh\necho hi\n', 0o755);
  put('spuff.secrets.yaml', 'env:\n  DB_PASSWORD: hunter2\n');
  put('sub/spuff.secrets.yml', 'env: {}\n');
  put('my.env', 'SECRET=1\n');
  put('node_modules/x/index.js', 'x');
  for (const name of oddNames) put(name, name);
  symlinkSync('/etc/hostname', join(scene.folder, 'outside'));
  symlinkSync('src', join(scene.folder, 'inside'));
  git('init', '-q', '-b', 'main');
  git('config', 'user.name', 'Ann');
  git('config', 'user.email', 'ann@example.com');
  git('config', 'http.https://github.com/.extraheader', `AUTHORIZATION: basic ${token}`);
  git('remote', 'add', 'origin', `https://ann:${token}@github.com/you/shop.git`);
  put('.git/hooks/post-checkout', '#!/bin/sh\nexit 1\n', 0o755);
  git('add', 'README.md', '.gitignore', 'run.sh');
  git('commit', '-q', '-m', 'first');
  put('README.md', 'hello, changed\n');
  await scene.home.ok(['up', 'shop', '--no-connect'], { cwd: scene.folder });
});

afterAll(() => scene.remove());

function put(name: string, text: string, mode = 0o644): void {
  const path = join(scene.folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}

function git(...args: string[]): string {
  return execFileSync('git', ['-C', scene.folder, ...args], { encoding: 'utf8' });
}

const there = (...argv: string[]) => scene.onMachine('sh', '-c', 'cd shop && exec "$@"', 'sh', ...argv);

it('is there after up: names of all kinds, links as links, modes, and the repository', async () => {
  for (const name of oddNames) expect(await there('cat', `./${name}`)).toBe(name);
  expect(await there('readlink', 'outside', 'inside')).toBe('/etc/hostname\nsrc\n');
  expect(await there('./run.sh')).toBe('hi\n');
  expect(await there('git', 'log', '--format=%s %an')).toBe('first Ann\n');
  expect(await there('git', 'status', '--short', '--untracked-files=no')).toBe(' M README.md\n');
  expect(await there('git', 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('main\n');
});

it('leaves here what git ignores, secrets, and what of the repository may hold one', async () => {
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
  expect(await scene.onMachine('sh', '-c', `grep -rF ${token} shop || echo none`)).toBe('none\n');
});
