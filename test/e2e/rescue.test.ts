/** Work that is saved from a real machine, as a user does it; and machines that get in the way of it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { jsonShapes } from '../../src/cli/json-shapes.ts';
import { makeWorkScript } from '../fakes/work-home.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

const mark = 'MARK-OF-THE-WORK-ON-THE-MACHINE';
const runtime = '/usr/lib/spuff/agent/current/node';
let folder: string;
let home: SpuffHome;

interface Saved {
  rescue: { name: string; complete: boolean; path: string } | null;
  repositories: number;
  commits: number;
  lost: number;
  named: { path: string | null; why: string }[];
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spuff-rescue-'));
  mkdirSync(join(folder, 'tmp'));
  home = makeSpuffHome({ TMPDIR: join(folder, 'tmp') });
  await home.ok(['init', '--yes']);
  await home.ok(['up', 'demo', '--no-connect']);
  await home.ok(['exec', 'demo', '--', 'sh', '-c', makeWorkScript, 'sh', '/home/dev', '/tmp/far', mark]);
});

afterAll(async () => {
  await home.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a program in the place of the runtime, until the returned function is called. */
async function replaceRuntime(script: string): Promise<() => Promise<void>> {
  const put = 'mv "$1" "$1.real"; printf "%s" "$2" >"$1"; chmod 755 "$1"';
  await home.ok(['exec', 'demo', '--', 'sudo', 'sh', '-c', put, 'sh', runtime, `#!/bin/sh\n${script}\n`]);
  return async () => {
    await home.ok(['exec', 'demo', '--', 'sudo', 'mv', `${runtime}.real`, runtime]);
  };
}

async function readJson<T>(shape: keyof typeof jsonShapes, args: readonly string[]): Promise<T> {
  const { stdout } = await home.spuff([...args, '--json']);
  const value: unknown = JSON.parse(stdout);
  const { success, error } = jsonShapes[shape].schema.safeParse(value);
  if (!success) throw new Error(`${args.join(' ')}: ${error.message}`);
  return value as T;
}

const rescues = () =>
  readJson<{ rescues: { name: string; recipients: string[] }[] }>('rescues', ['rescued', 'list']);

/** Files of the home, and of the folder for temporary ones, that hold the work as it is. */
function plainFiles(): string[] {
  return [home.path, join(folder, 'tmp')].flatMap((path) =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => existsSync(file) && readFileSync(file).includes(mark)),
  );
}

describe('spuff rescue', () => {
  it('brings all that is only there, encrypted, and runs nothing of a repository on the way', async ({
    expect,
  }) => {
    const child = home.start(['rescue', 'demo', '--max-file', '1M']);
    const ended = once(child, 'close') as Promise<[number]>;
    const found = new Set<string>();
    const watching = setInterval(() => {
      for (const file of plainFiles()) found.add(file);
    }, 50);
    const [status] = await ended;
    clearInterval(watching);
    expect(status).toBe(0);
    expect([...found, ...plainFiles()]).toEqual([]);
    const { stdout } = await home.ok(['exec', 'demo', '--', 'sh', '-c', 'ls /tmp/far; ls -a /var/tmp']);
    expect(stdout.split('\n').filter((name) => /pwned|spuff-rescue/.test(name))).toEqual([]);
  });

  it('says what it left out, and opens as it was', async ({ expect }) => {
    const saved = await readJson<Saved>('rescue', ['rescue', 'demo', '--max-file', '1M']);
    expect(saved).toMatchObject({ repositories: 6, commits: 8, lost: 0, rescue: { complete: true } });
    expect(saved.named.map(({ path, why }) => `${path} ${why}`)).toEqual([
      'big too-large',
      'leads-away link',
    ]);
    const to = join(folder, 'opened');
    await readJson('rescue-opened', ['rescued', 'open', 'demo', '--to', to]);
    expect(readFileSync(join(to, 'app/changes.patch'), 'utf8')).toContain(`+${mark} unstaged`);
    expect(readFileSync(join(to, 'app/untracked/new/deep/a file'), 'utf8')).toBe(`${mark} new\n`);
    expect(readFileSync(join(to, 'hostile/changes.patch'), 'utf8')).toContain(`+${mark} hostile`);
    expect(readFileSync(join(to, 'README.md'), 'utf8')).toContain('app: big (3.0 MB: too large)');
    const again = await home.spuff(['rescued', 'open', 'demo', '--to', to]);
    expect(again).toMatchObject({ exitCode: 5 });
  });

  it('applies to a clone by the commands of its README', async ({ expect }) => {
    const readme = readFileSync(join(folder, 'opened/README.md'), 'utf8');
    const own = readme.slice(readme.indexOf('\n## app\n'));
    const commands = own.slice(0, own.indexOf('\n## ', 5)).match(/```sh\n(.*?)```/gs) ?? [];
    const script = commands.map((block) => block.slice(6, -3)).join('');
    expect(script).toContain('git stash apply');
    // Of the machine's remote, which is there alone.
    const { stdout } = await home.ok([
      'exec',
      'demo',
      '--',
      'sh',
      '-c',
      'cd /tmp/far && tar -cf - app.git library.git | base64',
    ]);
    execFileSync('tar', ['-x', '--no-same-owner', '-C', folder], { input: Buffer.from(stdout, 'base64') });
    execFileSync('git', ['clone', '-q', join(folder, 'app.git'), join(folder, 'clone')]);
    const lines = script.split('\n').filter((line) => !line.startsWith('git stash'));
    execFileSync('sh', ['-e', '-c', lines.join('\n')], {
      cwd: join(folder, 'clone'),
      env: { ...process.env, RESCUE: join(folder, 'opened') },
      stdio: 'pipe',
    });
    const status = execFileSync('git', ['status', '--porcelain'], {
      cwd: join(folder, 'clone'),
      encoding: 'utf8',
    });
    expect(status.split('\n').sort().filter(Boolean)).toEqual(
      [' D gone', ' M binary', ' M unstaged', '?? new/', 'M  staged', 'MM both'].sort(),
    );
  });

  it('encrypts to an SSH key, which age opens and spuff never does', async ({ expect }) => {
    const keys = ['ed25519', 'rsa'].map((type) => {
      const key = join(folder, `id_${type}`);
      execFileSync('ssh-keygen', ['-q', '-N', '', '-t', type, '-f', key]);
      return key;
    });
    await home.ok(['config', 'set', 'rescue_to', keys.map((key) => `${key}.pub`).join(',')]);
    const { rescue } = await readJson<Saved>('rescue', ['rescue', 'demo']);
    await home.ok(['config', 'unset', 'rescue_to']);
    expect((await home.spuff(['rescued', 'open', rescue?.name ?? ''])).exitCode).toBe(8);
    for (const key of keys) {
      const to = join(folder, `opened-${key.slice(-3)}`);
      await home.ok(['rescued', 'open', rescue?.name ?? '', '--identity', key, '--to', to]);
      expect(readFileSync(join(to, 'app/changes.patch'), 'utf8')).toContain(`+${mark} unstaged`);
      const entries = execFileSync('sh', [
        '-c',
        'age -d -i "$1" "$2" | tar -t',
        'sh',
        key,
        rescue?.path ?? '',
      ]);
      expect(entries.toString()).toContain('app/changes.patch');
    }
    const stranger = join(folder, 'id_stranger');
    execFileSync('ssh-keygen', ['-q', '-N', '', '-t', 'ed25519', '-f', stranger]);
    const to = join(folder, 'opened-not');
    const refused = await home.spuff([
      'rescued',
      'open',
      rescue?.name ?? '',
      '--identity',
      stranger,
      '--to',
      to,
    ]);
    expect(refused.exitCode).toBe(8);
    expect(existsSync(to)).toBe(false);
  });
});

describe('a machine that gets in the way', () => {
  it('sends without end: it is stopped, on both sides, and nothing is kept', async ({ expect }) => {
    const before = await rescues();
    const restore = await replaceRuntime('cat /dev/zero # without-end');
    const { exitCode, stderr } = await home.spuff([
      ...['rescue', 'demo', '--max-files', '1k', '--max-history', '1k'],
    ]);
    const { stdout } = await home.ok([
      'exec',
      'demo',
      '--',
      'sh',
      '-c',
      'ps -eo comm,args | grep -c "[c]at /dev/zero"; true',
    ]);
    await restore();
    expect({ exitCode, stderr }).toEqual({ exitCode: 11, stderr: expect.stringContaining('more than') });
    expect(stdout).toBe('0\n');
    expect(await rescues()).toEqual(before);
  });

  it('is cut off in the middle: what had come is called nothing', async ({ expect }) => {
    const before = await rescues();
    const restore = await replaceRuntime('head -c 5000000 /dev/zero; sudo pkill -KILL -u dev sshd; sleep 5');
    const { exitCode } = await home.spuff(['rescue', 'demo']);
    await restore();
    expect([10, 11]).toContain(exitCode);
    expect(await rescues()).toEqual(before);
    expect(readdirSync(join(home.path, 'rescued')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('makes the file itself: paths that climb and links are refused, and nothing of it stays', async ({
    expect,
  }) => {
    const script = [
      'cd "$(mktemp -d)"; mkdir -p app/untracked; echo x >app/untracked/ok; ln -s /etc app/untracked/link',
      `printf '{"version":1,"repositories":[],"leftOut":[]}' >summary.json`,
      'tar -cf a.tar app/untracked/ok app/untracked/link summary.json',
      `bytes=$(stat -c %s a.tar) sum=$(sha256sum a.tar | cut -d" " -f1); cat a.tar`,
      `printf '\\n{"bytes":%s,"sha256":"%s","repositories":1,"commits":0,"stashes":0,"patches":0,"files":1,"leftOut":0,"lost":0,"named":[]}\\n' $bytes $sum >&2`,
    ];
    const restore = await replaceRuntime(script.join('\n'));
    const { rescue } = await readJson<Saved>('rescue', ['rescue', 'demo']);
    await restore();
    const to = join(folder, 'planted');
    const { exitCode, stderr } = await home.spuff(['rescued', 'open', rescue?.name ?? '', '--to', to]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 6, stderr: expect.stringContaining('is a symlink') });
    expect(existsSync(to)).toBe(false);
    await home.ok(['rescued', 'rm', rescue?.name ?? '']);
  });
});

describe('spuff down with rescue: on', () => {
  it('destroys nothing while work can not be saved, and says how to go on', async ({ expect }) => {
    await home.ok(['config', 'set', 'rescue', 'on']);
    const restore = await replaceRuntime('exit 1');
    const { exitCode, stderr } = await home.spuff(['down', 'demo']);
    await restore();
    expect({ exitCode, stderr }).toEqual({
      exitCode: 11,
      stderr: expect.stringContaining('spuff down demo --no-rescue'),
    });
    expect((await home.ok(['exec', 'demo', '--', 'true'])).exitCode).toBe(0);
  });

  it('saves first, and then destroys', async ({ expect }) => {
    const before = (await rescues()).rescues.length;
    const { stderr } = await home.ok(['down', 'demo']);
    const { rescues: after } = await rescues();
    expect(after.length).toBe(before + 1);
    expect(stderr).toContain(`spuff rescued open ${after[0]?.name}`);
    const to = join(folder, 'at-the-end');
    await home.ok(['rescued', 'open', 'demo', '--to', to]);
    expect(readFileSync(join(to, 'app/changes.patch'), 'utf8')).toContain(`+${mark} unstaged`);
  });
});
