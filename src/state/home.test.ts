import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureHome, findHome, guardHome, homePaths } from './home.ts';
import { findWideEntries, repairHome } from './repair-home.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spuff-home-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('findHome', () => {
  it('is SPUFF_HOME, else ~/.spuff', () => {
    expect(findHome({})).toBe(join(homedir(), '.spuff'));
    expect(findHome({ SPUFF_HOME: '' })).toBe(join(homedir(), '.spuff'));
    expect(findHome({ SPUFF_HOME: '/a/../b/' })).toBe('/b');
  });

  it('refuses a relative path, and names the whole one', () => {
    expect(() => findHome({ SPUFF_HOME: 'x' })).toThrow(
      expect.objectContaining({ code: 'config', hints: [expect.stringContaining(join(process.cwd(), 'x'))] }),
    );
  });
});

describe('ensureHome', () => {
  it('makes everything, 0700, and can be called again', () => {
    const paths = homePaths(join(directory, 'home'));
    ensureHome(paths);
    ensureHome(paths);
    for (const path of [paths.home, paths.run, paths.keys, paths.cache, paths.log, paths.reports]) {
      expect(modeOf(path)).toBe(0o700);
    }
  });

  it('closes a home of ours that is open to others', () => {
    const paths = homePaths(join(directory, 'home'));
    ensureHome(paths);
    chmodSync(paths.home, 0o755);
    chmodSync(paths.run, 0o777);
    ensureHome(paths);
    expect([modeOf(paths.home), modeOf(paths.run)]).toEqual([0o700, 0o700]);
  });

  it('refuses a link', () => {
    mkdirSync(join(directory, 'real'), { mode: 0o700 });
    symlinkSync(join(directory, 'real'), join(directory, 'link'));
    expect(() => ensureHome(homePaths(join(directory, 'link')))).toThrow(
      expect.objectContaining({ code: 'permission' }),
    );
  });

  it('never closes a directory of other things to others', () => {
    const shared = join(directory, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o755);
    writeFileSync(join(shared, 'data'), '');
    const refused = expect.objectContaining({
      code: 'permission',
      hints: [
        expect.stringContaining(join(shared, 'spuff')),
        `or close this one to others yourself: chmod 700 ${shared}`,
      ],
    });
    expect(() => ensureHome(homePaths(shared))).toThrow(refused);
    expect(modeOf(shared)).toBe(0o755);
    // Names that spuff has too make it no home of spuff's.
    writeFileSync(join(shared, 'config.yaml'), '');
    mkdirSync(join(shared, 'run'));
    expect(() => ensureHome(homePaths(shared))).toThrow(refused);
    expect(modeOf(shared)).toBe(0o755);
    expect(() => ensureHome(homePaths('/tmp'))).toThrow(expect.objectContaining({ code: 'permission' }));
    expect(statSync('/tmp').mode & 0o1777).toBe(0o1777);
  });
});

describe('guardHome', () => {
  it('makes nothing, and closes a home of ours that is open', () => {
    const paths = homePaths(join(directory, 'home'));
    guardHome(paths);
    expect(existsSync(paths.home)).toBe(false);
    mkdirSync(paths.home);
    chmodSync(paths.home, 0o755);
    guardHome(paths);
    expect(modeOf(paths.home)).toBe(0o700);
    expect(readdirSync(paths.home)).toEqual([]);
  });
});

describe('repairHome', () => {
  it('takes the rights of others off everything, and keeps the owner’s', () => {
    const { home, run, cache } = homePaths(join(directory, 'home'));
    ensureHome(homePaths(home));
    writeFileSync(join(run, 'a'), '');
    writeFileSync(join(cache, 'tool'), '');
    chmodSync(join(run, 'a'), 0o644);
    chmodSync(join(cache, 'tool'), 0o755);
    symlinkSync('/etc/passwd', join(run, 'link'));
    const before = modeOf('/etc/passwd');
    expect(findWideEntries(home)).toEqual([
      { path: join(cache, 'tool'), mode: 0o755 },
      { path: join(run, 'a'), mode: 0o644 },
    ]);
    expect(repairHome(home)).toHaveLength(2);
    expect([modeOf(join(cache, 'tool')), modeOf(join(run, 'a')), modeOf('/etc/passwd')]).toEqual([
      0o700,
      0o600,
      before,
    ]);
    expect(repairHome(home)).toEqual([]);
  });

  it('finds nothing where there is nothing', () => {
    expect(findWideEntries(join(directory, 'none'))).toEqual([]);
  });
});
