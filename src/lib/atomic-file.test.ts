import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkPrivateFile,
  makePrivateDirectory,
  readPrivateFile,
  toFileError,
  writeFileAtomically,
} from './atomic-file.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spuff-file-'));
});
afterEach(() => rmSync(base, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o7777;

describe('makePrivateDirectory', () => {
  it('makes it, and those above it, 0700', () => {
    makePrivateDirectory(join(base, 'a/b/c'));
    for (const path of ['a', 'a/b', 'a/b/c']) expect(modeOf(join(base, path))).toBe(0o700);
  });

  it('repairs a wider one, and leaves one that is narrower', () => {
    mkdirSync(join(base, 'wide'));
    chmodSync(join(base, 'wide'), 0o777);
    makePrivateDirectory(join(base, 'wide'));
    expect(modeOf(join(base, 'wide'))).toBe(0o700);
    mkdirSync(join(base, 'narrow'), { mode: 0o500 });
    makePrivateDirectory(join(base, 'narrow'));
    expect(modeOf(join(base, 'narrow'))).toBe(0o500);
  });

  it('refuses a link, also with a slash at its end, and changes nothing behind it', () => {
    mkdirSync(join(base, 'real'));
    chmodSync(join(base, 'real'), 0o755);
    symlinkSync(join(base, 'real'), join(base, 'link'));
    for (const path of [join(base, 'link'), `${join(base, 'link')}/`]) {
      expect(() => makePrivateDirectory(path)).toThrow(expect.objectContaining({ code: 'permission' }));
    }
    expect(modeOf(join(base, 'real'))).toBe(0o755);
  });

  it('refuses a file in its place', () => {
    writeFileSync(join(base, 'file'), '');
    for (const path of ['file', 'file/below']) {
      expect(() => makePrivateDirectory(join(base, path))).toThrow(
        expect.objectContaining({ code: 'permission' }),
      );
    }
  });

  it('gives up where the system has no such place', () => {
    expect(() => makePrivateDirectory('/proc/no-such/place')).toThrow(/can't make the directory/);
  });
});

describe('writeFileAtomically', () => {
  it('replaces the content and leaves nothing else behind', () => {
    const path = join(base, 'x');
    writeFileSync(path, 'old', { mode: 0o644 });
    writeFileAtomically(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(modeOf(path)).toBe(0o600);
    expect(readdirSync(base)).toEqual(['x']);
  });

  it('replaces a link rather than what it leads to', () => {
    writeFileSync(join(base, 'target'), 'untouched');
    symlinkSync(join(base, 'target'), join(base, 'x'));
    writeFileAtomically(join(base, 'x'), 'new');
    expect(readFileSync(join(base, 'target'), 'utf8')).toBe('untouched');
  });

  it('says what is wrong, and leaves no half file', () => {
    mkdirSync(join(base, 'directory'));
    expect(() => writeFileAtomically(join(base, 'directory'), 'x')).toThrow(/a directory is in its place/);
    expect(() => writeFileAtomically(join(base, 'missing/x'), 'x')).toThrow(/on the way to it is missing/);
    expect(readdirSync(base)).toEqual(['directory']);
  });
});

describe('readPrivateFile', () => {
  it('gives the text, or null when there is none, and repairs its mode', () => {
    writeFileSync(join(base, 'x'), 'texté', { mode: 0o644 });
    expect(readPrivateFile(join(base, 'x'), 100)).toBe('texté');
    expect(modeOf(join(base, 'x'))).toBe(0o600);
    expect(readPrivateFile(join(base, 'none'), 100)).toBeNull();
  });

  it('takes a file of just the size, and refuses a larger one', () => {
    writeFileSync(join(base, 'x'), 'x'.repeat(100));
    expect(readPrivateFile(join(base, 'x'), 100)).toHaveLength(100);
    expect(() => readPrivateFile(join(base, 'x'), 99)).toThrow(/larger than 99 bytes/);
  });

  it('refuses a link, a directory, a named pipe and what is not UTF-8', () => {
    writeFileSync(join(base, 'real'), '');
    symlinkSync(join(base, 'real'), join(base, 'link'));
    mkdirSync(join(base, 'directory'));
    execFileSync('mkfifo', [join(base, 'pipe')]);
    writeFileSync(join(base, 'latin1'), Buffer.from([0xe9, 0x0a]));
    const read = (name: string) => () => readPrivateFile(join(base, name), 100);
    expect(read('link')).toThrow(/is a link/);
    expect(read('directory')).toThrow(/a directory, not a file/);
    expect(read('pipe')).toThrow(/a special file, not a file/);
    expect(read('latin1')).toThrow(/not UTF-8/);
  });
});

describe('checkPrivateFile', () => {
  it('repairs the mode without opening, and refuses what is not ours', () => {
    writeFileSync(join(base, 'x'), '', { mode: 0o666 });
    expect(checkPrivateFile(join(base, 'x'))?.size).toBe(0);
    expect(modeOf(join(base, 'x'))).toBe(0o600);
    expect(checkPrivateFile(join(base, 'none'))).toBeNull();
    symlinkSync(join(base, 'x'), join(base, 'link'));
    expect(() => checkPrivateFile(join(base, 'link'))).toThrow(/is a link/);
  });
});

it.each([
  ['ENOSPC', 'state', 'the disk is full'],
  ['EROFS', 'permission', 'read-only'],
  ['EACCES', 'permission', 'permission denied'],
  ['EIO', 'state', 'EIO'],
])('names what %s means', (code, expected, text) => {
  const error = toFileError(Object.assign(new Error('x'), { code }), 'write x');
  expect(error).toMatchObject({ code: expected });
  expect(error.message).toContain(text);
});
