/** The commands as a user types them, on one real machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JsonShapeName, jsonShapes } from '../../src/cli/json-shapes.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let home: SpuffHome;
let folder: string;

beforeAll(async () => {
  home = makeSpuffHome();
  folder = mkdtempSync(join(tmpdir(), 'spuff-cli-'));
  await home.ok(['init', '--yes']);
  await home.ok(['up', 'demo', '--no-connect']);
});

afterAll(async () => {
  await home.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command with --json, holds what it prints against its shape, and gives it. */
async function readJson(shape: JsonShapeName, args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await home.ok([...args, '--json']);
  const value = JSON.parse(stdout) as Record<string, unknown>;
  const parsed = jsonShapes[shape].schema.safeParse(value);
  expect(parsed.error?.issues ?? []).toEqual([]);
  return value;
}

describe('spuff exec', () => {
  it('hands arguments over as they are', async () => {
    const words = ['a b', '', '$HOME', '`id`', "it's", '"', '\\', '*', '-n', '--', 'new\nline', 'ü\u202e'];
    const { stdout } = await home.ok(['exec', 'demo', '--', 'printf', '%s\\0', ...words]);
    expect(stdout.split('\0').slice(0, -1)).toEqual(words);
  });

  it('passes bytes through in both directions, whatever they are', async () => {
    const bytes = Array.from({ length: 5_000 }, (_, at) => String.fromCharCode(at % 128)).join('');
    const { stdout, stderr } = await home.ok(['exec', 'demo', '--', 'cat'], { input: bytes });
    expect(stdout).toBe(bytes);
    expect(stderr).toBe('');
    const split = await home.ok(['exec', 'demo', '--', 'sh', '-c', 'echo out; echo err >&2']);
    expect(split).toMatchObject({ stdout: 'out\n', stderr: 'err\n' });
  });

  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['exit 255', 255],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ])('ends with the status of %j', async (script, status) => {
    const { exitCode } = await home.spuff(['exec', 'demo', '--', 'sh', '-c', script]);
    expect(exitCode).toBe(status);
  });

  it('tells what can not be run from what failed', async () => {
    expect(await home.spuff(['exec', 'demo', '--', 'no-such-program'])).toMatchObject({ exitCode: 127 });
    expect(await home.spuff(['exec', 'nobody', '--', 'true'])).toMatchObject({ exitCode: 4 });
    expect(await home.spuff(['exec', 'demo', 'true'])).toMatchObject({ exitCode: 2 });
  });

  it('sends a signal on to the command, and waits for what it makes of it', async () => {
    const script = 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.1; done';
    const child = home.start(['exec', 'demo', '--', 'sh', '-c', script]);
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (text.includes('ready')) child.kill('SIGTERM');
    });
    const [status] = (await once(child, 'close')) as [number | null];
    expect({ status, out }).toEqual({ status: 9, out: 'ready\ncaught\n' });
  });

  it('gives a terminal only with -t', async () => {
    expect((await home.spuff(['exec', 'demo', '--', 'test', '-t', '1'])).exitCode).toBe(1);
    expect((await home.spuff(['exec', 'demo', '-t', '--', 'test', '-t', '1'])).exitCode).toBe(0);
  });
});

describe('spuff cp', () => {
  const names = [
    'plain',
    'with space',
    '-rf',
    'a:b',
    "it's",
    '$(id)',
    '*',
    'back\\slash',
    'new\nline',
    'ü',
    '~',
  ];

  it('takes any name, in both directions', async () => {
    const [there, back] = [join(folder, 'there'), join(folder, 'back')];
    for (const path of [there, back]) mkdirSync(path);
    for (const name of names) writeFileSync(join(there, name), `content of ${name}`);
    await home.ok(['exec', 'demo', '--', 'mkdir', 'in']);
    for (const name of names) {
      await home.ok(['cp', '--', `./${name}`, `demo:in/${name}`], { cwd: there });
      await home.ok(['cp', '--', `demo:in/${name}`, './'], { cwd: back });
    }
    expect(readdirSync(back).sort()).toEqual([...names].sort());
    for (const name of names) expect(readFileSync(join(back, name), 'utf8')).toBe(`content of ${name}`);
  });

  it('copies folders with -r, and says what went wrong', async () => {
    mkdirSync(join(folder, 'tree', 'deep'), { recursive: true });
    writeFileSync(join(folder, 'tree', 'deep', 'file'), 'x');
    expect((await home.spuff(['cp', 'tree', 'demo:'], { cwd: folder })).exitCode).toBe(1);
    await home.ok(['cp', '-r', 'tree', 'demo:'], { cwd: folder });
    expect((await home.ok(['exec', 'demo', '--', 'cat', 'tree/deep/file'])).stdout).toBe('x');
    const missing = await home.spuff(['cp', 'demo:no-such-file', '.'], { cwd: folder });
    expect(missing.exitCode).toBe(1);
    expect(missing.stderr).toContain('No such file or directory');
  });
});

describe('what can be read', () => {
  it('is in its shape as JSON', async () => {
    const { instances } = await readJson('instances', ['ls', '--refresh']);
    expect(instances).toMatchObject([
      { name: 'demo', vmState: 'running', hostIdentity: 'pinned', remarks: [] },
    ]);
    const status = await readJson('status', ['status', 'demo', '--detailed']);
    expect(status).toMatchObject({
      machine: { ok: true, value: { state: 'running' } },
      agent: { ok: true, value: { problems: [] } },
      cloudInit: { ok: true, value: { status: 'done' } },
      metrics: { ok: true },
      processes: { ok: true },
    });
    await readJson('agent-status', ['agent', 'status']);
    await readJson('agent-metrics', ['agent', 'metrics']);
    await readJson('agent-processes', ['agent', 'processes', '-n', '3', '--sort', 'memory']);
    await readJson('agent-activity', ['agent', 'activity']);
    await readJson('agent-exec-log', ['agent', 'exec-log']);
    await readJson('agent-logs', ['agent', 'logs']);
    await readJson('log', ['logs']);
    await readJson('log', ['logs', '--list']);
    await readJson('images', ['image', 'list']);
    await readJson('plans', ['up', 'other', '--dry-run']);
    await readJson('doctor', ['doctor']);
    await readJson('config', ['config', 'show']);
  });

  it('is in lines for people, and names the instance where it matters', async () => {
    const { stdout } = await home.ok(['status', 'demo']);
    expect(stdout).toMatch(/^machine +running$/m);
    expect(stdout).toMatch(/^cloud-init +done$/m);
    expect((await home.ok(['logs', 'demo'])).stdout).toContain('Cloud-init');
    expect((await home.ok(['agent', 'logs', '-n', '5'])).stdout).toContain('spuff-agent');
  });

  it('does not go beyond the logs', async () => {
    for (const file of ['/etc/shadow', '../../etc/shadow', '/var/log/../../etc/shadow']) {
      const { exitCode, stdout, stderr } = await home.spuff(['logs', 'demo', '--file', file]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 11, stdout: '' });
      expect(stderr).toContain('spuff logs demo --list');
    }
  });

  it('follows a log until it is stopped', async () => {
    const missing = await home.spuff(['logs', 'demo', '--file', 'follow.log', '--follow']);
    expect(missing.exitCode).toBe(4);
    await home.ok(['exec', 'demo', '--', 'sudo', 'sh', '-c', 'echo first >/var/log/follow.log']);
    const follower = home.start(['logs', 'demo', '--file', 'follow.log', '--follow']);
    let out = '';
    const ended = once(follower, 'close');
    follower.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (text.includes('first')) {
        void home.ok(['exec', 'demo', '--', 'sudo', 'sh', '-c', 'echo second >>/var/log/follow.log']);
      }
      if (text.includes('second')) follower.kill('SIGINT');
    });
    expect(await ended).toEqual([0, null]);
    expect(out).toBe('first\nsecond\n');
  });

  it('ends quietly when its reader has had enough', async () => {
    const command = `"$0" "$1" status demo --watch | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const shell = spawn(
      'bash',
      ['-c', command, process.execPath, join(import.meta.dirname, '../../dist/spuff.cjs')],
      {
        env: { ...process.env, SPUFF_HOME: home.path },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const [out, err] = await Promise.all([
      shell.stdout.setEncoding('utf8').toArray(),
      shell.stderr.setEncoding('utf8').toArray(),
    ]);
    expect(out.join('')).toMatch(/^name +demo\n0\n$/);
    expect(err.join('')).toBe('');
  });
});

describe('snapshots', () => {
  it('are made, listed, started from, and deleted', async () => {
    await home.ok(['exec', 'demo', '--', 'sh', '-c', 'echo kept >kept.txt']);
    const name = `cli-${process.pid}`;
    expect((await home.ok(['snapshot', 'create', 'demo', '--as', name])).stdout).toBe(`${name}\n`);
    try {
      const { snapshots } = await readJson('snapshots', ['snapshot', 'list']);
      expect(snapshots).toContainEqual(expect.objectContaining({ name, instanceName: 'demo' }));
      await home.ok(['up', 'copy', '--snapshot', name, '--no-connect']);
      expect((await home.ok(['exec', 'copy', '--', 'cat', 'kept.txt'])).stdout).toBe('kept\n');
      expect((await home.ok(['exec', 'copy', '--', 'hostname'])).stdout).toBe('copy\n');
      await home.ok(['down', 'copy']);
    } finally {
      await home.ok(['snapshot', 'delete', name]);
    }
    const { snapshots } = await readJson('snapshots', ['snapshot', 'list']);
    expect(snapshots).not.toContainEqual(expect.objectContaining({ name }));
  });
});

describe('several at once', () => {
  it('makes and destroys them side by side, and fails for each by name', async () => {
    const { stdout } = await home.ok(['up', 'one', 'two', '--no-connect', '--json']);
    const { instances } = JSON.parse(stdout) as { instances: { name: string }[] };
    expect(instances.map(({ name }) => name)).toEqual(['one', 'two']);
    const again = await home.spuff(['up', 'one', 'three', '--no-connect']);
    expect(again.exitCode).toBe(5);
    expect(again.stdout).toMatch(/^three is ready/);
    expect(again.stderr).toContain('error: one: one exists already');
    await home.ok(['down', 'one', 'two', 'three']);
    const { instances: left } = await readJson('instances', ['ls']);
    expect(left).toMatchObject([{ name: 'demo' }]);
  });
});
