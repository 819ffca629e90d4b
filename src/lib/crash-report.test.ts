import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../domain/secret.ts';
import { writeCrashReport } from './crash-report.ts';

let base: string;
let directory: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spuff-report-'));
  directory = join(base, 'reports');
});
afterEach(() => rmSync(base, { recursive: true }));

const report = (over: Partial<Parameters<typeof writeCrashReport>[0]> = {}) =>
  writeCrashReport({
    directory,
    error: new TypeError('odd'),
    argv: ['up', 'demo'],
    version: '1.2.3',
    nowMs: 0,
    ...over,
  });

describe('writeCrashReport', () => {
  it('writes a private file that names the versions, the command and the stack with its causes', () => {
    const error = new TypeError('odd', { cause: new RangeError('the cause') });
    const path = report({ error });
    const text = readFileSync(path ?? '', 'utf8');
    expect(basename(path ?? '')).toBe(`1970-01-01T00-00-00-000Z-${process.pid}.txt`);
    expect(statSync(path ?? '').mode & 0o777).toBe(0o600);
    for (const part of [
      'spuff 1.2.3',
      process.version,
      'spuff "up" "demo"',
      'TypeError: odd',
      'the cause',
      'crash-report.test.ts',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('holds no secret, nothing after `--`, and no name of the home directory', () => {
    const secret = new Secret('canary-hunter2-canary');
    const error = Object.assign(new Error(`bad ${secret.reveal()} in ${homedir()}/x`), {
      token: 'plain-hunter3',
    });
    const argv = ['exec', '--api-token', 'hunter4', '--token=hunter5', '--', 'mysql', '-phunter6'];
    const text = readFileSync(report({ error, argv }) ?? '', 'utf8');
    expect(text).not.toMatch(/hunter\d/);
    expect(text).toContain('-- [2 more]');
    expect(text).toContain('~/x');
  });

  it('keeps the newest 20', () => {
    for (let day = 1; day <= 25; day++) report({ nowMs: day * 86_400_000 });
    const names = readdirSync(directory).sort();
    expect(names).toHaveLength(20);
    expect(names[0]).toMatch(/^1970-01-07/);
  });

  it('gives null where nothing can be written', () => {
    expect(report({ directory: '/proc/no-such/reports' })).toBeNull();
  });

  it.each([undefined, null, 'text', 7, { odd: true }])('takes %s for an error', (error) => {
    expect(report({ error })).toMatch(/reports/);
  });
});
