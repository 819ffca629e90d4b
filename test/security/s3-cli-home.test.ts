/** S3 through the built program: whatever a command writes or opens at home is closed to others, or refused. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const spuff = join(import.meta.dirname, '..', '..', 'dist', 'spuff.cjs');

let base: string;
let home: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spuff-s3-cli-'));
  chmodSync(base, 0o755);
  home = join(base, 'spuff');
});
afterEach(async () => {
  await run(['down', '--all', '--force']);
  rmSync(base, { recursive: true });
});

interface Outcome {
  exitCode: number;
  stderr: string;
}

async function run(argv: readonly string[], umask = '022'): Promise<Outcome> {
  const shell = ['-c', 'umask "$0"; exec "$@"', umask, process.execPath, spuff, ...argv];
  const child = spawn('sh', shell, {
    cwd: base,
    env: { ...process.env, HOME: base, SPUFF_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [stderr, [exitCode]] = await Promise.all([
    child.stderr.setEncoding('utf8').toArray(),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { exitCode, stderr: stderr.join('') };
}

const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8);

function wide(): string[] {
  const all = readdirSync(home, { recursive: true, encoding: 'utf8' }).map((name) => join(home, name));
  return [home, ...all].filter((path) => (lstatSync(path).mode & 0o077) !== 0);
}

describe('under umask 000', () => {
  it('nothing is open to others after any command, also with a machine and its connection', async () => {
    for (const argv of [
      ['init', '--yes'],
      ['config', 'set', 'user', 'alice'],
      ['up', 'demo', '--no-connect'],
      ['exec', 'demo', '--', 'true'],
      ['ls', '--refresh'],
      ['status', 'demo', '--detailed'],
    ]) {
      const { exitCode, stderr } = await run(argv, '000');
      expect({ argv, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({
        argv,
        exitCode: 0,
        stderr: '',
      });
      expect({ argv, wide: wide() }).toEqual({ argv, wide: [] });
    }
    const names = readdirSync(home, { recursive: true, encoding: 'utf8' });
    for (const name of ['config.yaml', 'state.db', 'keys/id_ed25519']) expect(names).toContain(name);
    expect(names.filter((name) => name.startsWith('known_hosts/'))).toHaveLength(1);
    expect((await run(['down', 'demo'], '000')).exitCode).toBe(0);
    expect(wide()).toEqual([]);
  });
});

describe('a home of spuff that others can enter', () => {
  it.each([
    [['ls']],
    [['config', 'show']],
    [['status', 'x']],
    [['__complete', 'words', 'ssh', '']],
    [['down', 'x']],
  ])('is closed by %j', async (argv) => {
    expect((await run(['init', '--yes'])).exitCode).toBe(0);
    chmodSync(home, 0o755);
    await run(argv);
    expect(modeOf(home)).toBe('700');
  });
});

describe('a directory of other things', () => {
  it.each([
    [['config', 'set', 'user', 'alice']],
    [['config', 'show']],
    [['init', '--yes']],
    [['ls']],
    [['ls', '--refresh']],
    [['up', 'x', '--no-connect']],
    [['up', 'x', '--dry-run']],
    [['down', 'x']],
    [['image', 'build']],
  ])('is refused by %j, and stays as it is', async (argv) => {
    mkdirSync(home);
    chmodSync(home, 0o755);
    writeFileSync(join(home, 'config.yaml'), 'services: {}\n');
    writeFileSync(join(home, 'index.html'), 'hello');
    const { exitCode, stderr } = await run(argv);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 15,
      stderr: expect.stringMatching(/^error: .*\nhint: /) as string,
    });
    expect(stderr).toContain(`${home} holds other things, and others can read it`);
    expect(modeOf(home)).toBe('755');
    expect(readdirSync(home).sort()).toEqual(['config.yaml', 'index.html']);
  });
});
