import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExecLog } from './exec-log.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-exec-log-'));
  path = join(folder, 'exec.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nobody = new Set<string>();
const command = (id: string) => ({ id, user: 'dev', argv: ['make', 'test'], cwd: '/home/dev' });
const success = (id: string) => ({
  id,
  outcome: 'exited' as const,
  exitCode: 0,
  signal: null,
  durationMs: 5,
});

describe('the log of commands', () => {
  it('gives the newest first, with how each ended', () => {
    const log = createExecLog(path);
    for (const id of ['a', 'b', 'c']) log.start(command(id));
    log.end(success('b'));
    const { entries } = log.read(10, new Set(['c']));
    expect(entries.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['c', null],
      ['b', 'exited'],
      ['a', 'unknown'],
    ]);
    expect(log.read(1, nobody).entries.map(({ id }) => id)).toEqual(['c']);
  });

  it('is readable by its group and nobody else', () => {
    createExecLog(path).start(command('a'));
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it('survives a crash in the middle of a line, at any byte', () => {
    const log = createExecLog(path);
    log.start(command('a'));
    const size = statSync(path).size;
    log.end(success('a'));
    const whole = readFileSync(path);
    for (let length = size; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      createExecLog(path).start(command('next'));
      const { entries, damagedLines } = log.read(10, nobody);
      expect(entries.map(({ id }) => id)).toEqual(['next', 'a']);
      // Nothing of the second line, or all of it but the newline, is no damage.
      expect(damagedLines).toBe(length === size || length === whole.length - 1 ? 0 : 1);
    }
  });

  it('counts what is not ours and goes on', () => {
    const log = createExecLog(path);
    log.start(command('a'));
    appendFileSync(path, 'null\n[]\n{"event":"start"}\n\0\0\n');
    log.end(success('a'));
    expect(log.read(10, nobody)).toMatchObject({
      entries: [{ id: 'a', outcome: 'exited' }],
      damagedLines: 4,
    });
  });

  it('keeps one older file, and never grows past its bound', () => {
    const log = createExecLog(path, { maxBytes: 2_000 });
    for (let index = 0; index < 60; index++) {
      log.start(command(String(index)));
      log.end(success(String(index)));
      expect(statSync(path).size).toBeLessThanOrEqual(2_000);
    }
    expect(existsSync(`${path}.1`)).toBe(true);
    expect(existsSync(`${path}.2`)).toBe(false);
    const ids = log.read(100, nobody).entries.map(({ id }) => Number(id));
    expect(ids[0]).toBe(59);
    expect(ids).toEqual(ids.map((_, index) => 59 - index));
  });

  it('says that the disk is full, keeps working, and recovers', () => {
    // The kernel's own full disk.
    const log = createExecLog('/dev/full');
    log.start(command('a'));
    expect(log.problem).toContain('ENOSPC');
    const missing = createExecLog(join(folder, 'missing', 'exec.log'));
    missing.start(command('a'));
    expect(missing.problem).toContain('ENOENT');
    expect(missing.read(10, nobody).entries).toEqual([]);
  });

  it('writes through no link', () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, '');
    symlinkSync(victim, path);
    const log = createExecLog(path);
    log.start(command('a'));
    expect(log.problem).toContain('ELOOP');
    truncateSync(victim);
    expect(readFileSync(victim, 'utf8')).toBe('');
  });

  it('cuts a command of very many arguments', () => {
    const log = createExecLog(path);
    log.start({ ...command('a'), argv: Array.from({ length: 4_000 }, () => 'x'.repeat(5_000)) });
    const [entry] = log.read(1, nobody).entries;
    expect(entry?.argv).toHaveLength(65);
    expect(statSync(path).size).toBeLessThan(100_000);
  });
});
