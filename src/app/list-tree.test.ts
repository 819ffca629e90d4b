import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProjectFile } from '../domain/project.ts';
import type { AppContext } from './context.ts';
import { listTree } from './list-tree.ts';
import { makeSnapshot } from './send-snapshot.ts';

let base: string;
let root: string;
const { signal } = new AbortController();
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
    ...{ cwd: root, encoding: 'utf8', stdio: 'pipe' },
    env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null' },
  });
const put = (path: string, text: string) => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
};
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spuff-tree-'));
  root = join(base, 'shop');
  mkdirSync(root);
  git('init', '-q', '-b', 'main');
});
afterEach(() => rmSync(base, { recursive: true }));

const names = async (mountPoint: string | null = null) => {
  const volumes = mountPoint === null ? [] : [{ source: null, target: 'x', mountPoint }];
  return listTree({ root, volumes }, signal);
};

describe('what goes to a machine', () => {
  it('is never read through a link that has taken the place of a tracked folder', async () => {
    put('aws/credentials', 'harmless');
    put('aws/deep/er', 'harmless');
    git('add', '.');
    git('commit', '-qm', 'first');
    mkdirSync(join(base, 'private', 'deep'), { recursive: true });
    writeFileSync(join(base, 'private', 'credentials'), 'canary');
    writeFileSync(join(base, 'private', 'deep', 'er'), 'canary');
    rmSync(join(root, 'aws'), { recursive: true });
    symlinkSync(join(base, 'private'), join(root, 'aws'));
    const { files, left } = await names();
    expect([...files.keys()]).toEqual(['aws']);
    expect(left.map(({ path }) => path)).toEqual(['aws/credentials', 'aws/deep/er']);
    const snapshot = await makeSnapshot({
      context: { signal } as AppContext,
      project: { root, volumes: [] as unknown } as ProjectFile,
    });
    expect(git('ls-tree', '-r', '--name-only', snapshot)).toBe('aws\n');
  });
});

describe('the snapshot of a repository', () => {
  it('runs nothing that a repository within it names, be it tracked or mounted there', async () => {
    put('a', 'a');
    put('gone', 'gone');
    git('add', '.');
    git('commit', '-qm', 'first');
    for (const folder of ['mnt', 'tracked']) {
      execFileSync('git', ['init', '-q', join(root, folder)]);
      const inner = (...args: string[]) => git('-C', folder, ...args);
      put(`${folder}/file`, 'one');
      inner('add', '.');
      inner('commit', '-qm', 'inner');
      git('update-index', '--add', '--cacheinfo', `160000,${inner('rev-parse', 'HEAD').trim()},${folder}`);
      const marker = join(base, `ran-${folder}`);
      inner('config', 'filter.x.clean', `sh -c 'touch ${marker}; cat'`);
      inner('config', 'core.fsmonitor', `touch ${marker}`);
      put(`${folder}/.gitattributes`, '* filter=x\n');
      put(`${folder}/file`, 'two');
    }
    rmSync(join(root, 'gone'));
    put('new', 'new');
    const snapshot = await makeSnapshot({
      context: { signal } as AppContext,
      project: {
        root,
        volumes: [{ source: null, target: 'x', mountPoint: 'mnt' }],
      } as unknown as ProjectFile,
    });
    expect(existsSync(join(base, 'ran-mnt'))).toBe(false);
    expect(existsSync(join(base, 'ran-tracked'))).toBe(false);
    expect(git('ls-tree', '-r', '--name-only', snapshot).trim().split('\n')).toEqual([
      'a',
      'mnt',
      'new',
      'tracked',
    ]);
  });
});
