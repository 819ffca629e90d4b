import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openProjectFiles } from '../state/project-files.ts';
import { readGuards } from './guard-download.ts';
import { planDownload } from './plan-sync.ts';

let root: string;
const git = (...args: string[]) => execFileSync('git', ['-C', root, ...args], { stdio: 'pipe' });
const put = (path: string, text = '') => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
};
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'spuff-guard-'));
  put('spuff.yaml', 'name: shop\n');
  git('init', '-q');
});
afterEach(() => rmSync(root, { recursive: true }));

/** What comes of the names that a machine gives. */
async function brought(...paths: string[]): Promise<string[]> {
  const files = openProjectFiles();
  const project = await files.read(join(root, 'spuff.yaml'));
  const context = { projectFiles: async () => files, signal: new AbortController().signal };
  const guards = await readGuards(context, project, paths);
  const there = new Map(paths.map((path) => [path, { sign: 'x', kind: 'file' as const }]));
  return planDownload({ there, record: new Map(), signHere: () => null } as never, guards).bring;
}

describe('what a machine may not bring here', () => {
  it("is a hook, also one that husky's own hooks run, by any way to its folder", async () => {
    git('config', 'core.hooksPath', '.husky/_');
    expect(await brought('.husky/pre-commit', '.husky/_/h', 'a')).toEqual(['a']);
    mkdirSync(join(root, 'tools', 'hooks'), { recursive: true });
    symlinkSync('tools/hooks', join(root, 'link'));
    git('config', 'core.hooksPath', 'link');
    expect(await brought('tools/hooks/pre-commit', 'link/x', 'tools/a')).toEqual(['tools/a']);
  });

  it('is what git ignores here, whatever it is called', async () => {
    put('.gitignore', 'build/\n*.log\n');
    const names = ['build/a', 'a.log', ':b.log', ':(top)c.log', 'd*.log', 'kept', ':kept'];
    expect(await brought(...names)).toEqual(['kept', ':kept']);
  });

  it('is a hook of a repository within', async () => {
    execFileSync('git', ['init', '-q', join(root, 'inner')]);
    execFileSync('git', ['-C', join(root, 'inner'), 'config', 'core.hooksPath', 'hooks']);
    expect(await brought('inner/hooks/pre-commit', 'inner/a', 'hooks/a')).toEqual(['inner/a', 'hooks/a']);
  });

  it('is a file that git reads as configuration', async () => {
    git('config', 'include.path', '../.gitconfig');
    put('.gitconfig', '[alias]\n  st = status\n');
    expect(await brought('.gitconfig', 'sub/.gitconfig')).toEqual(['sub/.gitconfig']);
  });

  it('is a repository without a folder of its own, also in pieces', async () => {
    const all = ['x/HEAD', 'x/config', 'x/objects/k', 'x/refs/k'];
    expect(await brought(...all, 'y/HEAD', 'y/objects/k')).toEqual(['y/HEAD', 'y/objects/k']);
    expect(
      await brought('l/HEAD', 'l/objects', 'l/refs', 'L/Objects/k', 'L/Refs/k', 'c/HEAD', 'c/commondir'),
    ).toEqual([]);
    put('z/objects/k');
    expect(await brought('z/HEAD', 'z/config', 'z/refs/k', 'z.txt')).toEqual(['z.txt']);
  });

  it('is a program that gives variables of the project', async () => {
    put('spuff.yaml', 'env: { A: { from: "./scripts/token.sh --for a" }, B: { from: "sh tools/b.sh" } }\n');
    expect(await brought('scripts/token.sh', 'tools/b.sh', 'scripts/other.sh')).toEqual(['scripts/other.sh']);
  });
});
