import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readSshClient } from './client.ts';

const searchPath = process.env['PATH'] ?? '';
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-client-'));
  // A directory that nobody can enter, root included: a link to itself.
  symlinkSync('closed', join(folder, 'closed'));
  mkdirSync(join(folder, 'empty'));
});
afterEach(() => {
  process.env['PATH'] = searchPath;
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('readSshClient', () => {
  it('passes over directories of the PATH that can not be entered', async () => {
    const home = join(folder, 'home');
    const before = await readSshClient(home);
    const odd = [join(folder, 'closed'), `/${'x'.repeat(5_000)}`, join(folder, 'missing')];
    process.env['PATH'] = [...odd, searchPath].join(delimiter);
    expect(await readSshClient(home)).toEqual(before);
    expect(before.options).toContain('stricthostkeychecking');
  });

  it('says that there is no ssh where there is none', async () => {
    process.env['PATH'] = [join(folder, 'closed'), join(folder, 'empty')].join(delimiter);
    await expect(readSshClient(join(folder, 'home'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('not installed'),
    });
  });
});
