/** What happens to the state when the disk, the file or the engine fails, as a user of the built program sees it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { openStateStore } from '../../src/state/state-store.ts';
import { damageInstance } from '../fakes/damage-state.ts';
import { sampleInstance } from '../fakes/sample-instance.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let home: SpuffHome;
let state: string;
let mounts: string[] = [];

beforeEach(() => {
  home = makeSpuffHome();
  state = join(home.path, 'state.db');
});
afterEach(async () => {
  for (const mount of mounts) expect(spawnSync('umount', [mount]).status).toBe(0);
  mounts = [];
  await home.remove();
});

function mountOn(path: string, ...options: string[]): boolean {
  const isMounted = spawnSync('mount', [...options, path]).status === 0;
  if (isMounted) mounts.unshift(path);
  return isMounted;
}

function fillDisk(): void {
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(join(home.path, 'filler'), Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full for this size; a smaller piece may still fit.
    }
  }
}

/** An instance without a machine: the provider says that it is gone. */
async function remember(...names: string[]): Promise<void> {
  await home.ok(['init', '--yes']);
  const store = openStateStore({ path: state });
  for (const name of names) store.insertInstance(sampleInstance({ name, provider: 'local' }));
  store.close();
}

async function names(): Promise<string[]> {
  const { stdout } = await home.ok(['ls', '--json']);
  return (JSON.parse(stdout) as { instances: { name: string }[] }).instances.map(({ name }) => name);
}

describe('a full disk', () => {
  it('lets a command look; what would change something says so, and nothing is lost', async (context) => {
    mkdirSync(home.path, { mode: 0o700 });
    if (!mountOn(home.path, '-t', 'tmpfs', '-o', 'size=2m,mode=700', 'tmpfs')) context.skip('needs root');
    await remember('demo');
    const settings = readFileSync(join(home.path, 'config.yaml'));
    fillDisk();
    expect(await names()).toEqual(['demo']);
    expect((await home.ok(['__complete', 'words', 'ssh', ''])).stdout).toBe('demo\trunning\n');
    for (const argv of [
      ['down', 'demo'],
      ['up', 'other', '--no-connect'],
      ['config', 'set', 'user', 'alice'],
    ]) {
      const { exitCode, stderr } = await home.spuff(argv);
      expect({ argv, exitCode }).toEqual({ argv, exitCode: 6 });
      expect(stderr).toMatch(/^error: can't [^\n]*: the disk is full\nhint: free some space/m);
    }
    const refreshed = await home.ok(['ls', '--refresh', '--json']);
    expect(JSON.parse(refreshed.stdout)).toMatchObject({ instances: [{ name: 'demo', vmState: 'gone' }] });
    rmSync(join(home.path, 'filler'));
    expect(readFileSync(join(home.path, 'config.yaml'))).toEqual(settings);
    expect(await names()).toEqual(['demo']);
    await home.ok(['down', 'demo']);
  });
});

describe('a home that is mounted read-only', () => {
  it('can be looked at; what would change something says so', async (context) => {
    await home.ok(['config', 'set', 'user', 'alice']);
    await remember('demo');
    makeReadOnly(context);
    expect(await names()).toEqual(['demo']);
    expect((await home.ok(['__complete', 'words', 'ssh', ''])).stdout).toBe('demo\trunning\n');
    expect((await home.ok(['config', 'get', 'user'])).stdout).toBe('alice\n');
    const refreshed = await home.ok(['ls', '--refresh', '--json']);
    expect(JSON.parse(refreshed.stdout)).toMatchObject({ instances: [{ name: 'demo', vmState: 'gone' }] });
    expect((await home.spuff(['status', 'demo'])).stdout).toMatch(/^machine +gone/m);
    for (const argv of [
      ['down', 'demo'],
      ['config', 'set', 'user', 'bob'],
    ]) {
      const { exitCode, stderr } = await home.spuff(argv);
      expect({ argv, exitCode }).toEqual({ argv, exitCode: 15 });
      expect(stderr).toMatch(/^error: can't [^\n]*: the file system is read-only\nhint: set SPUFF_HOME/m);
    }
    expect(await names()).toEqual(['demo']);
  });
});

function makeReadOnly(context: TestContext): void {
  if (!mountOn(home.path, '--bind', home.path)) context.skip('needs root');
  if (spawnSync('mount', ['-o', 'remount,bind,ro', home.path]).status !== 0) context.skip('needs root');
}

describe('looking', () => {
  it.each([[['ls']], [['__complete', 'words', 'ssh', '']], [['status', 'demo']], [['config', 'show']]])(
    'with %j makes no home',
    async (argv) => {
      await home.spuff(argv);
      expect(existsSync(home.path)).toBe(false);
    },
  );
});

describe('a state that can not be read', () => {
  it('is an error with a remedy for every command, and is kept by the repair', async () => {
    await remember('demo');
    const garbage = 'garbage\n'.repeat(2_000);
    writeFileSync(state, garbage);
    for (const argv of [['ls'], ['down', 'demo'], ['up', 'other', '--no-connect'], ['status', 'demo']]) {
      const { exitCode, stderr } = await home.spuff(argv);
      expect({ argv, exitCode }).toEqual({ argv, exitCode: 6 });
      expect(stderr).toContain(
        'hint: keep it aside, save what can be read, and start anew: spuff doctor --repair-state',
      );
    }
    expect((await home.spuff(['doctor'])).exitCode).toBe(1);
    expect(readFileSync(state, 'utf8')).toBe(garbage);
    const { stderr } = await home.spuff(['doctor', '--repair-state']);
    const [, keptAs = ''] = /^kept aside: (\S+); saved: nothing/m.exec(stderr) ?? [];
    expect(readFileSync(keptAs, 'utf8')).toBe(garbage);
    expect(await names()).toEqual([]);
  });

  it('is replaced in one step: killed at any system call, the repair leaves the old or the new one', async (context) => {
    if (spawnSync('strace', ['-V']).status !== 0) context.skip('needs strace');
    await remember('one', 'two', 'three');
    damageInstance(state, 'two');
    const damaged = readFileSync(state);
    const calls =
      'rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,ftruncate';
    let killed = 0;
    for (let at = 1; ; at++) {
      for (const name of readdirSync(home.path)) rmSync(join(home.path, name), { recursive: true });
      writeFileSync(state, damaged, { mode: 0o600 });
      const inject = [
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        `trace=${calls}`,
        '-e',
        `inject=${calls}:signal=KILL:when=${at}`,
      ];
      const repair = spawnSync(
        'strace',
        [...inject, process.execPath, join(import.meta.dirname, '../fakes/repair-state.ts'), state],
        { encoding: 'utf8' },
      );
      if (repair.status === 0) break;
      expect(repair.signal).toBe('SIGKILL');
      killed += 1;
      const looked = await home.spuff(['ls', '--json']);
      // The old one says that it is damaged; the new one has all that could be saved.
      if (looked.exitCode !== 0) expect({ at, exitCode: looked.exitCode }).toEqual({ at, exitCode: 6 });
      await home.spuff(['doctor', '--repair-state']);
      expect({ at, names: (await names()).sort() }).toEqual({ at, names: ['one', 'three'] });
      const kept = readdirSync(home.path).filter((name) => name.includes('.corrupt-'));
      expect(kept.map((name) => readFileSync(join(home.path, name)))).toContainEqual(damaged);
      expect(readdirSync(home.path).filter((name) => name.includes('.repair'))).toEqual([]);
    }
    expect(killed).toBeGreaterThan(10);
  });
});

describe('an engine that is not there', () => {
  const env = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

  it('is one error with a remedy, and nothing is forgotten', async () => {
    await remember('demo');
    for (const argv of [
      ['up', 'other', '--no-connect'],
      ['down', 'demo'],
      ['ls', '--refresh'],
    ]) {
      const { exitCode, stderr } = await home.spuff(argv, { env });
      expect({ argv, exitCode }).toEqual({ argv, exitCode: 7 });
      expect(stderr.match(/^error: /gm)).toHaveLength(1);
      expect(stderr).toMatch(
        /^error: .*no container engine answers at \/nowhere\/docker\.sock\nhint: start it: /m,
      );
    }
    expect((await home.spuff(['doctor'], { env })).exitCode).toBe(1);
    expect(await names()).toEqual(['demo']);
  });
});

describe('settings that are wrong', () => {
  it('keep nobody from seeing and destroying what there is', async () => {
    await remember('demo');
    writeFileSync(join(home.path, 'config.yaml'), 'regoin: fra1\n', { mode: 0o600 });
    const { stdout, stderr } = await home.ok(['ls', '--refresh', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ instances: [{ name: 'demo', vmState: 'gone' }] });
    expect(stderr).toContain('there is no setting "regoin"');
    expect((await home.spuff(['up', 'other', '--no-connect'])).exitCode).toBe(3);
    await home.ok(['down', 'demo']);
    expect(await names()).toEqual([]);
  });

  it('stop what would ask another engine than the one that has the machine', async () => {
    await remember('demo');
    writeFileSync(join(home.path, 'config.yaml'), 'engine_socket: tcp://10.0.0.1:2375\n', { mode: 0o600 });
    expect((await home.spuff(['down', 'demo'])).exitCode).toBe(3);
    expect(await names()).toEqual(['demo']);
    expect((await home.spuff(['config', 'set', 'engine_socket', 'tcp://10.0.0.2:2375'])).exitCode).toBe(3);
    await home.ok(['config', 'unset', 'engine_socket']);
  });

  it('are mended by taking out what is no setting', async () => {
    await home.ok(['config', 'set', 'user', 'alice']);
    writeFileSync(join(home.path, 'config.yaml'), 'user: alice\nregoin: fra1\n');
    await home.ok(['config', 'unset', 'regoin']);
    expect(readFileSync(join(home.path, 'config.yaml'), 'utf8')).toBe('user: alice\n');
    expect((await home.spuff(['config', 'unset', 'regoin'])).exitCode).toBe(3);
  });
});
