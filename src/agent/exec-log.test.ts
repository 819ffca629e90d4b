import {
  appendFileSync,
  existsSync,
  mkdirSync,
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
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExecLog } from './exec-log.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-exec-log-'));
  path = join(folder, 'exec.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

let journal: string[];
beforeEach(() => {
  journal = [];
});

function open(options: { at?: string; maxBytes?: number } = {}) {
  const { at = path, ...rest } = options;
  return createExecLog(at, { ...rest, journal: (line) => journal.push(line) });
}

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
    const log = open();
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
    open().start(command('a'));
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it('survives a crash in the middle of a line, at any byte', () => {
    const log = open();
    log.start(command('a'));
    const size = statSync(path).size;
    log.end(success('a'));
    const whole = readFileSync(path);
    for (let length = size; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      open().start(command('next'));
      const { entries, damagedLines } = log.read(10, nobody);
      expect(entries.map(({ id }) => id)).toEqual(['next', 'a']);
      // Nothing of the second line, or all of it but the newline, is no damage.
      expect(damagedLines).toBe(length === size || length === whole.length - 1 ? 0 : 1);
    }
  });

  it('counts what is not ours and goes on', () => {
    const log = open();
    log.start(command('a'));
    appendFileSync(path, 'null\n[]\n{"event":"start"}\n\0\0\n');
    log.end(success('a'));
    expect(log.read(10, nobody)).toMatchObject({
      entries: [{ id: 'a', outcome: 'exited' }],
      damagedLines: 4,
    });
  });

  it('keeps three older files, never grows past its bound, and counts what it lets go', () => {
    const log = open({ maxBytes: 2_000 });
    for (let index = 0; index < 60; index++) {
      log.start(command(String(index)));
      log.end(success(String(index)));
      expect(statSync(path).size).toBeLessThanOrEqual(2_000);
    }
    expect(existsSync(`${path}.3`)).toBe(true);
    expect(existsSync(`${path}.4`)).toBe(false);
    const { entries, droppedEntries, damagedLines } = log.read(100, nobody);
    const ids = entries.map(({ id }) => Number(id));
    expect(ids[0]).toBe(59);
    expect(ids).toEqual(ids.map((_, index) => 59 - index));
    expect(droppedEntries).toBe(60 - ids.length);
    expect(droppedEntries).toBeGreaterThan(0);
    expect(damagedLines).toBe(0);
    // Another process that goes on with the same files goes on counting.
    const next = open({ maxBytes: 2_000 });
    next.start(command('60'));
    const after = next.read(100, nobody);
    expect(after.droppedEntries).toBe(61 - after.entries.length);
    expect(next.read(3, nobody)).toMatchObject({ droppedEntries: after.droppedEntries });
  });

  it('changes no byte once it is written, and gives each line to the journal too', () => {
    const log = open({ maxBytes: 3_000 });
    const argv = fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 8 });
    const files = [3, 2, 1].map((age) => `${path}.${age}`).concat(path);
    const read = () => files.map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : ''));
    fc.assert(
      fc.property(argv, (words) => {
        const before = read();
        log.start({ ...command('a'), argv: words });
        const after = read();
        const moved = after[2] !== before[2];
        // Each older file is as it was, or has taken the name of the next one; the newest has only grown.
        expect(after.slice(0, 3)).toEqual(moved ? before.slice(1) : before.slice(0, 3));
        if (!moved) expect(after[3]?.startsWith(before[3] ?? '')).toBe(true);
        const all = journal.map((line) => `${line}\n`).join('');
        expect(all.endsWith(after.join(''))).toBe(true);
      }),
    );
    expect(existsSync(`${path}.3`)).toBe(true);
  });

  it('reads lines that lie across the blocks it reads', () => {
    const log = open();
    const count = 500;
    log.start(command('x'));
    log.end(success('x'));
    const [start = '', end = ''] = journal;
    const lines = Array.from({ length: count }, (_, index) => {
      const id = `"id":"${index}"`;
      const argv = `"argv":["${'ü'.repeat(index)}`;
      return `${start.replace('"id":"x"', id).replace('"argv":["', argv)}\n${end.replace('"id":"x"', id)}\n`;
    });
    writeFileSync(path, lines.join(''));
    expect(statSync(path).size).toBeGreaterThan(3 * 64 * 1024);
    const { entries, damagedLines } = log.read(1_000, nobody);
    expect(entries.map(({ id, outcome }) => [Number(id), outcome])).toEqual(
      Array.from({ length: count }, (_, index) => [count - 1 - index, 'exited']),
    );
    expect(damagedLines).toBe(0);
  });

  it('refuses a command when the disk is full, and recovers', () => {
    // The kernel's own full disk.
    const log = open({ at: '/dev/full' });
    expect(() => log.start(command('a'))).toThrow('ENOSPC');
    expect(log.problem).toContain('ENOSPC');
    const parent = join(folder, 'missing');
    const missing = open({ at: join(parent, 'exec.log') });
    expect(() => missing.start(command('a'))).toThrow('ENOENT');
    expect(missing.read(10, nobody)).toEqual({ entries: [], damagedLines: 0, droppedEntries: 0 });
    mkdirSync(parent);
    missing.start(command('b'));
    expect(missing.problem).toBeNull();
    expect(missing.read(10, nobody)).toMatchObject({ entries: [{ id: 'b' }], droppedEntries: 0 });
  });

  it('writes through no link', () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, '');
    symlinkSync(victim, path);
    const log = open();
    expect(() => log.start(command('a'))).toThrow('ELOOP');
    truncateSync(victim);
    expect(readFileSync(victim, 'utf8')).toBe('');
  });

  it('gives no command more than 2 KiB, and marks what was cut', () => {
    const log = open();
    const long = 'x'.repeat(16_384);
    for (const [argv, shown] of [
      [Array.from({ length: 4_000 }, () => long), 3],
      [['echo', '\u0001\ud800\u{1f600}"'.repeat(5_000)], 3],
      [Array.from({ length: 4_000 }, () => 'word'), null],
    ] as const) {
      const before = existsSync(path) ? statSync(path).size : 0;
      log.start({ id: 'i'.repeat(36), user: 'd'.repeat(32), argv, cwd: `/${'ä'.repeat(4_000)}` });
      expect(statSync(path).size - before).toBeLessThanOrEqual(2_048);
      const [entry] = log.read(1, nobody).entries;
      if (shown !== null) expect(entry?.argv).toHaveLength(shown);
      const characters = argv.join('').length;
      expect(entry?.argv.at(-1)).toBe(`[cut: ${argv.length} arguments, ${characters} characters]`);
      expect(entry?.cwd).toMatch(/\[cut\]$/);
    }
    log.start({ ...command('b'), argv: ['echo', long] });
    const cut = `${'x'.repeat(1_024)}[cut: ${long.length} characters]`;
    expect(log.read(1, nobody).entries[0]?.argv).toEqual(['echo', cut]);
    log.start({ ...command('c'), argv: ['echo', 'y'.repeat(1_000)] });
    expect(log.read(1, nobody).entries[0]?.argv).toEqual(['echo', 'y'.repeat(1_000)]);
  });
});
