import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeInstanceKey } from '../domain/ids.ts';
import { findRunDirectory, preparePaths, removePaths } from './run-directory.ts';

const key = makeInstanceKey(1_700_000_000_000, new Uint8Array(10).fill(7));
const target = { key, host: '203.0.113.7', port: 22, user: 'dev' };

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-run-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('findRunDirectory', () => {
  it('is under the home where that is short enough', () => {
    expect(findRunDirectory('/home/someone/.spuff', key)).toBe(`/home/someone/.spuff/run/${key}`);
  });

  it('is elsewhere for a home that is too long, or that ssh would need quotes for', () => {
    for (const home of [
      `/home/${'x'.repeat(60)}`,
      '/home/a b',
      '/home/50%',
      '/home/a:b',
      '/home/"',
      '/home/${HOME}',
    ]) {
      const directory = findRunDirectory(home, key);
      expect(directory).toMatch(/^\/tmp\/spuff-\d+-[0-9a-f]{8}$/);
      expect(directory).not.toBe(findRunDirectory(`${home}x`, key));
    }
  });

  it('takes the next place when the temporary directory is too long as well', () => {
    const home = `/home/${'x'.repeat(60)}`;
    expect(findRunDirectory(home, key, [`/var/folders/${'y'.repeat(50)}`, '/tmp'])).toMatch(/^\/tmp\/spuff-/);
    expect(() => findRunDirectory(home, key, ['/t/'.repeat(40)])).toThrow(/short enough/);
  });

  it('leaves room for the name that ssh binds first, at the longest home it accepts', async () => {
    let home = folder;
    while (findRunDirectory(`${home}x`, key) === join(`${home}x`, 'run', key)) home += 'x';
    const { controlSocket } = preparePaths(home, target);
    const bound = `${controlSocket}.0123456789abcdef`;
    expect(Buffer.byteLength(bound)).toBeLessThan(104);
    const server = createServer().listen(bound);
    await new Promise((resolve) => server.once('listening', resolve));
    server.close();
    rmSync(home, { recursive: true });
  });
});

describe('preparePaths', () => {
  it('makes a directory that only its owner can enter, also where a wider one was', () => {
    const directory = join(folder, 'run', key);
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o777);
    expect(preparePaths(folder, target).runDirectory).toBe(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('gives another socket to another address', () => {
    const one = preparePaths(folder, target);
    const other = preparePaths(folder, { ...target, host: '203.0.113.8' });
    expect(other.controlSocket).not.toBe(one.controlSocket);
    expect(other.agentSocket).not.toBe(one.agentSocket);
    expect(other.knownHosts).toBe(one.knownHosts);
  });

  it('refuses a link in the place of the directory', () => {
    const home = join(folder, 'linked');
    mkdirSync(join(home, 'run'), { recursive: true });
    symlinkSync(folder, join(home, 'run', key));
    expect(() => preparePaths(home, target)).toThrow(/not a real directory/);
  });
});

describe('removePaths', () => {
  it('removes what there is, and finds nothing to do the second time', () => {
    const { runDirectory } = preparePaths(folder, target);
    removePaths(folder, key);
    expect(statSync(runDirectory, { throwIfNoEntry: false })).toBeUndefined();
    expect(() => removePaths(folder, key)).not.toThrow();
  });
});
