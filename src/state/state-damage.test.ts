import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { SpuffError } from '../domain/errors.ts';
import { loadDatabaseClass } from '../lib/sqlite.ts';
import { recoverState } from './recover-state.ts';
import { migrate } from './state-database.ts';
import { migrations } from './state-migrations.ts';
import { openStateStore } from './state-store.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-damage-'));
  path = join(directory, 'state.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A database of several pages, closed, so that all is in the one file. */
function fill(count = 40): void {
  const store = openStateStore({ path });
  for (let i = 0; i < count; i++) {
    store.insertInstance(
      sampleInstance({ name: `n${String(i).padStart(2, '0')}`, directory: '/x'.repeat(400) }),
    );
  }
  store.close();
}

/** What opening and reading everything throws; the file must be as it was. */
function failure(readOnly = false): SpuffError {
  const before = existsSync(path) && statSync(path).isFile() ? readFileSync(path) : null;
  try {
    const store = openStateStore({ path, readOnly, busyTimeoutMs: 50 });
    try {
      store.listInstances();
    } finally {
      store.close();
    }
  } catch (error) {
    if (before) expect(readFileSync(path)).toEqual(before);
    if (error instanceof SpuffError) return error;
    throw error;
  }
  throw new Error('nothing was wrong');
}

function overwrite(at: number, bytes: Uint8Array): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

const repairHint = expect.arrayContaining([
  expect.stringContaining('spuff doctor --repair-state') as string,
]) as string[];

describe.each([true, false])('a damaged state.db (only looking: %s)', (readOnly) => {
  it.each([
    ['is empty', () => truncateSync(path, 0)],
    ['was cut in its first page', () => truncateSync(path, 1_000)],
    ['was cut in the middle', () => truncateSync(path, 20 * 1_024)],
    ['is text', () => writeFileSync(path, 'garbage garbage garbage garbage\n'.repeat(200))],
    ['is zeros', () => writeFileSync(path, Buffer.alloc(40_960))],
    ['has a damaged page', () => overwrite(4_096, Buffer.alloc(8_192, 0xa5))],
    ['is another database', () => makeForeignDatabase()],
    ['is gone, and its log is not', () => orphanLog()],
  ])('that %s gives one clear error and stays as it is', (_what, damage) => {
    fill();
    damage();
    const error = failure(readOnly);
    expect(error).toMatchObject({ code: 'state', hints: repairHint });
    expect(error.message).toContain(path);
  });

  it('with an unreadable instance does not print what it holds', () => {
    fill(1);
    const db = new (loadDatabaseClass())(path);
    db.exec(`UPDATE instances SET doc = '{"agentToken":"canary-hunter2" oops'`);
    db.close();
    const error = failure(readOnly);
    expect(error).toMatchObject({ code: 'state', hints: repairHint });
    expect(JSON.stringify([error.message, error.hints, String(error.cause)])).not.toContain('hunter2');
  });

  it('of a newer spuff is refused, and says so', () => {
    fill(1);
    const db = new (loadDatabaseClass())(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(failure(readOnly)).toMatchObject({
      code: 'state',
      message: expect.stringMatching(/newer spuff.*format 99/) as string,
    });
    expect(() => recoverState(path)).toThrow(/newer spuff/);
  });

  it('that is a directory, a link or a pipe is refused', () => {
    mkdirSync(path);
    expect(failure(readOnly)).toMatchObject({
      code: 'state',
      message: expect.stringContaining('is a directory') as string,
    });
    rmSync(path, { recursive: true });
    writeFileSync(join(directory, 'target'), '');
    symlinkSync(join(directory, 'target'), path);
    expect(failure(readOnly)).toMatchObject({
      code: 'permission',
      message: expect.stringContaining('is a link') as string,
    });
    rmSync(path);
    execFileSync('mkfifo', [path]);
    expect(failure(readOnly)).toMatchObject({
      code: 'state',
      message: expect.stringContaining('special file') as string,
    });
  });
});

function makeForeignDatabase(): void {
  rmSync(path);
  const db = new (loadDatabaseClass())(path);
  db.exec('CREATE TABLE bookmarks (url); PRAGMA user_version = 1');
  db.close();
}

/** As after a copy of the home that missed the database itself. */
function orphanLog(): void {
  const store = openStateStore({ path });
  store.insertInstance(sampleInstance({ name: 'late' }));
  copyFileSync(`${path}-wal`, join(directory, 'wal'));
  store.close();
  rmSync(path);
  copyFileSync(join(directory, 'wal'), `${path}-wal`);
}

describe('permissions', () => {
  it.each([0o644, 0o666, 0o640])('a file of mode %o is made private again', (mode) => {
    fill(1);
    chmodSync(path, mode);
    openStateStore({ path, readOnly: true }).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe('a random byte that changed', () => {
  it('gives the right instances or one clear error, never another end', () => {
    fill();
    const sound = readFileSync(path);
    fc.assert(
      // The schema is in the first page, where most can go wrong.
      fc.property(
        fc.oneof(fc.nat(sound.length - 1), fc.nat(4_095)),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const bytes = Buffer.from(sound);
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
          writeFileSync(path, bytes);
          try {
            const store = openStateStore({ path, readOnly: true });
            try {
              expect(store.listInstances().length).toBeLessThanOrEqual(40);
            } finally {
              store.close();
            }
          } catch (error) {
            expect(error).toBeInstanceOf(SpuffError);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('migrations', () => {
  it('run once each, in order, and a step that fails leaves the format before it', () => {
    const db = new (loadDatabaseClass())(':memory:');
    const format = () => db.prepare('PRAGMA user_version').get()?.['user_version'];
    migrate(db, ['CREATE TABLE a (x)']);
    expect(format()).toBe(1);
    const steps = ['CREATE TABLE a (x)', 'CREATE TABLE b (x)', 'CREATE TABLE c (x); SELECT nonsense'];
    expect(() => migrate(db, steps)).toThrow(/nonsense/);
    expect(format()).toBe(2);
    expect(
      db.prepare('SELECT group_concat(name) AS names FROM sqlite_master ORDER BY name').get()?.['names'],
    ).toBe('a,b');
    migrate(db, [...steps.slice(0, 2), 'CREATE TABLE c (x)']);
    migrate(db, [...steps.slice(0, 2), 'CREATE TABLE c (x)']);
    expect(format()).toBe(3);
    db.close();
  });

  it('bring an older file up to date, also for a command that only looks', () => {
    fill(1);
    const db = new (loadDatabaseClass())(path);
    db.exec(
      'DROP TABLE instances; DROP TABLE steps; DROP TABLE operations; DROP TABLE receipts; PRAGMA user_version = 0',
    );
    db.close();
    const store = openStateStore({ path, readOnly: true });
    expect(store.listInstances()).toEqual([]);
    store.close();
    expect(migrations.length).toBeGreaterThan(0);
  });
});
