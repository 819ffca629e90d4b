import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { placeFile, placeLink } from './place-file.ts';

let folder: string;
let root: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-place-'));
  root = join(folder, 'root');
  mkdirSync(join(root, 'sub'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
});

afterEach(() => rmSync(folder, { recursive: true }));

const facts = { isProgram: false, changedAt: new Date('2026-01-02T03:04:05Z') };

async function* content(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

const place = (path: string, text = 'new', mayReplace = () => true, isProgram = false) =>
  placeFile({ root, path, mayReplace }, content(text), { ...facts, isProgram });

const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('placing a file', () => {
  it('makes the folders on the way, and keeps the time', async ({ expect }) => {
    expect(await place('a/b/c')).toBe('placed');
    expect(read('a/b/c')).toBe('new');
    expect(lstatSync(join(root, 'a/b/c')).mtime).toEqual(facts.changedAt);
    expect(readdirSync(join(root, 'a/b'))).toEqual(['c']);
  });

  it('goes through no link, be it to a folder or to nothing', async ({ expect }) => {
    symlinkSync('../outside', join(root, 'link'));
    symlinkSync(join(folder, 'outside', 'new'), join(root, 'dangling'));
    for (const path of ['link/x', 'dangling/x', 'link/deep/x'])
      expect(await place(path)).toBe('through-link');
    expect(placeLink({ root, path: 'link/x', mayReplace: () => true }, 'anything')).toBe('through-link');
    expect(readdirSync(join(folder, 'outside'))).toEqual([]);
  });

  it('takes the place of a link, and leaves what that leads to', async ({ expect }) => {
    writeFileSync(join(folder, 'outside', 'target'), 'old');
    symlinkSync('../outside/target', join(root, 'link'));
    expect(await place('link')).toBe('placed');
    expect(lstatSync(join(root, 'link')).isFile()).toBe(true);
    expect(readFileSync(join(folder, 'outside', 'target'), 'utf8')).toBe('old');
  });

  it('makes a link as a link, and none that leads out of the folder', ({ expect }) => {
    const place = (leadsTo: string) =>
      placeLink({ root, path: 'sub/deep/link', mayReplace: () => true }, leadsTo);
    for (const leadsTo of [
      '/etc/passwd',
      '../../../x',
      '../../..',
      'a/../../x',
      '../../sub/deep/other/..',
      '/',
    ])
      expect(place(leadsTo)).toBe('leads-out');
    // By a link of the user's own.
    symlinkSync('/etc', join(root, 'mine'));
    expect(place('../../mine/passwd')).toBe('leads-out');
    for (const leadsTo of ['../../a', 'file', './x/y', '../..', 'gone'])
      expect(place(leadsTo)).toBe('placed');
    expect(lstatSync(join(root, 'sub/deep/link')).isSymbolicLink()).toBe(true);
  });

  it('leaves a folder in its place, and a file that was changed meanwhile', async ({ expect }) => {
    expect(await place('sub')).toBe('folder-in-place');
    writeFileSync(join(root, 'mine'), 'mine');
    expect(await place('mine', 'new', () => false)).toBe('changed-meanwhile');
    expect(read('mine')).toBe('mine');
    expect(readdirSync(root).sort()).toEqual(['mine', 'sub']);
  });

  it('keeps a file closed to others that was, and makes a program one', async ({ expect }) => {
    writeFileSync(join(root, 'closed'), 'old', { mode: 0o600 });
    await place('closed');
    expect(lstatSync(join(root, 'closed')).mode & 0o777).toBe(0o600);
    await place('closed', '#!', () => true, true);
    expect(lstatSync(join(root, 'closed')).mode & 0o777).toBe(0o700);
  });

  it('leaves nothing behind when what comes breaks off', async ({ expect }) => {
    writeFileSync(join(root, 'file'), 'old');
    const broken = (async function* () {
      yield Buffer.from('half');
      throw new Error('cut');
    })();
    await expect(placeFile({ root, path: 'file', mayReplace: () => true }, broken, facts)).rejects.toThrow(
      'cut',
    );
    expect(read('file')).toBe('old');
    expect(readdirSync(root).sort()).toEqual(['file', 'sub']);
  });
});
