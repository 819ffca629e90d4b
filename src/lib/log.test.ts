import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../domain/secret.ts';
import { openLog } from './log.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-log-'));
  path = join(directory, 'log', 'spuff.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('openLog', () => {
  it('writes one line of JSON per event', () => {
    const log = openLog({ path, now: () => 0 });
    log.write('process.start', { argv: ['ssh', '-V'], ms: 3 });
    log.write('two\nlines', { text: 'a\nb' });
    log.close();
    expect(linesOf(path)).toEqual([
      {
        time: '1970-01-01T00:00:00.000Z',
        pid: process.pid,
        event: 'process.start',
        argv: ['ssh', '-V'],
        ms: 3,
      },
      { time: '1970-01-01T00:00:00.000Z', pid: process.pid, event: 'two\nlines', text: 'a\nb' },
    ]);
  });

  it('opens nothing before the first line, then a 0600 file in a 0700 directory', () => {
    const log = openLog({ path });
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    log.write('x');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'log')).mode & 0o777).toBe(0o700);
    log.close();
  });

  it('repairs a file that others could read', () => {
    mkdirSync(join(directory, 'log'), { mode: 0o755 });
    writeFileSync(path, '', { mode: 0o644 });
    const log = openLog({ path });
    log.write('x');
    log.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'log')).mode & 0o777).toBe(0o700);
  });

  it('never holds a secret', () => {
    const secret = new Secret('canary-hunter2-canary');
    const log = openLog({ path });
    log.write('request', {
      url: `https://x/?q=${secret.reveal()}`,
      error: new Error(secret.reveal()),
      secret,
    });
    log.close();
    expect(readFileSync(path, 'utf8')).not.toContain('hunter2');
  });

  it('stays within its bounds over two files, and loses no line at the turn', () => {
    const maxBytes = 2_000;
    const log = openLog({ path, maxBytes });
    for (let i = 0; i < 30; i++) log.write('x', { i, text: 'y'.repeat(20) });
    log.close();
    for (const file of [path, `${path}.1`]) expect(statSync(file).size).toBeLessThanOrEqual(maxBytes);
    const numbers = [...linesOf(`${path}.1`), ...linesOf(path)].map(({ i }) => i as number);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 30 - numbers.length + i));
    expect(statSync(`${path}.1`).mode & 0o777).toBe(0o600);
  });

  it('follows a rotation by another process, and a file that was removed', () => {
    const [one, two] = [openLog({ path, maxBytes: 300 }), openLog({ path, maxBytes: 300 })];
    for (let i = 0; i < 6; i++) {
      one.write('one', { i });
      two.write('two', { i });
    }
    rmSync(path);
    one.write('after');
    two.write('after');
    expect(linesOf(path).map(({ event }) => event)).toEqual(['after', 'after']);
    one.close();
    two.close();
  });

  it('neither throws nor writes elsewhere where it cannot write', () => {
    mkdirSync(join(directory, 'log'));
    writeFileSync(join(directory, 'target'), 'untouched');
    symlinkSync(join(directory, 'target'), path);
    const log = openLog({ path });
    expect(() => log.write('x')).not.toThrow();
    expect(readFileSync(join(directory, 'target'), 'utf8')).toBe('untouched');
    expect(() => openLog({ path: '/proc/no-such/spuff.log' }).write('x')).not.toThrow();
  });

  it('cuts a line that would not fit into a file', () => {
    const log = openLog({ path, maxBytes: 400 });
    log.write('long', { list: Array.from({ length: 90 }, () => 'word') });
    log.close();
    expect(linesOf(path)).toMatchObject([{ event: 'long', cut: expect.any(Number) as number }]);
  });
});
