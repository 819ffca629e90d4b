/** P5: one key for each user and computer, rotated on live machines and at a provider without a moment in which it is locked out. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonShapes } from '../../src/cli/json-shapes.ts';
import { rootOf } from '../e2e/root-of-instance.ts';
import { makeSpuffHome, type SpuffHome } from '../e2e/spuff-process.ts';
import { UserHome } from './user-home.ts';

interface Key {
  fingerprint: string;
  publicPath: string;
  storage: string;
  role: string;
  passphrase: boolean | null;
  inAgent: boolean;
  remainingMs: number | null;
  instances: string[];
}

/** In the order in which the state has them. */
let names: string[] = [];
let user: UserHome;
let home: SpuffHome;

beforeAll(async () => {
  user = new UserHome();
  home = makeSpuffHome(user.env);
  await home.ok(['key', 'new', '--no-passphrase']);
  await home.ok(['up', 'one', 'two', '--no-connect']);
  const { instances } = JSON.parse((await home.ok(['ls', '--json'])).stdout);
  names = instances.map(({ name }: { name: string }) => name);
});
afterAll(async () => {
  await home.remove();
  user.remove();
});

async function listKeys(): Promise<Key[]> {
  const value = JSON.parse((await home.ok(['key', 'list', '--json'])).stdout);
  expect(jsonShapes.keys.schema.safeParse(value)).toMatchObject({ success: true });
  return value.keys;
}

async function currentKey(): Promise<Key> {
  const [key] = await listKeys();
  return key as Key;
}

/** A copy of the private half, for after its deletion. */
function keepCopy({ publicPath }: Key, as: string): string {
  const copy = join(user.path, as);
  copyFileSync(publicPath.replace(/\.pub$/, ''), copy);
  return copy;
}

/** Whether a private key alone logs in: plain ssh, nothing of spuff's but the pinned host key. */
async function logsIn(privatePath: string, name: string): Promise<boolean> {
  const { instances } = JSON.parse((await home.ok(['ls', '--json'])).stdout);
  const { key, ssh, user: login } = instances.find((one: { name: string }) => one.name === name);
  const options = {
    ...{ BatchMode: 'yes', IdentitiesOnly: 'yes', IdentityAgent: 'none', StrictHostKeyChecking: 'yes' },
    ...{ UserKnownHostsFile: join(home.path, 'known_hosts', key), HostKeyAlias: `spuff-${key}` },
  };
  const flags = Object.entries(options).flatMap(([option, value]) => ['-o', `${option}=${value}`]);
  const argv = [
    '-F',
    'none',
    ...flags,
    '-i',
    privatePath,
    '-p',
    String(ssh.port),
    `${login}@${ssh.host}`,
    'true',
  ];
  const { status, stderr } = spawnSync('ssh', argv, { encoding: 'utf8' });
  if (status !== 0) expect(stderr).toContain('Permission denied');
  return status === 0;
}

/** Names of machines that spuff can't get into on a connection of its own, made now. */
async function lockedOut(): Promise<string[]> {
  const results = await Promise.all(names.map((name) => home.spuff(['ssh', name, '--', '-C', 'true'])));
  return names.filter((_, at) => results[at]?.exitCode !== 0);
}

const authorizedKeys = async (name: string) =>
  (await home.ok(['exec', name, '--', 'cat', '.ssh/authorized_keys'])).stdout;

/** Rotates, and kills the program with SIGKILL when it has said so many lines. Gives the lines that it came to say. */
async function rotateUntilKilled(atLine: number): Promise<{ killed: boolean; lines: string[] }> {
  const child = home.start(['key', 'rotate', '--no-passphrase', '--verbose']);
  const ended = once(child, 'exit');
  const lines: string[] = [];
  child.stdout?.resume();
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    if (lines.push(line) === atLine) child.kill('SIGKILL');
  });
  await ended;
  return { killed: child.signalCode === 'SIGKILL', lines };
}

describe('a rotation on live machines', () => {
  it('lets the new key in and the old one no more, and touches no other line', async () => {
    const before = await currentKey();
    expect(before).toMatchObject({ role: 'current', storage: 'disk', passphrase: false, instances: names });
    const copy = keepCopy(before, 'first');
    expect(await logsIn(copy, 'one')).toBe(true);
    const other = readFileSync(`${user.key}.pub`, 'utf8').trim();
    const note = `# of the user\nfrom="*",environment="A=b c" ${other}`;
    const append = [
      'sh',
      '-c',
      'printf "%s\\n" "$1" >>.ssh/authorized_keys; chmod 640 .ssh/authorized_keys',
      'sh',
    ];
    await home.ok(['exec', 'one', '--', ...append, note]);

    const { stdout } = await home.ok(['key', 'rotate', '--no-passphrase', '--json']);
    const report = JSON.parse(stdout);
    expect(jsonShapes['key-rotation'].schema.safeParse(report)).toMatchObject({ success: true });
    expect(report).toMatchObject({ resumed: false, done: names, undone: [], retired: [before.fingerprint] });

    const after = await currentKey();
    expect(await listKeys()).toHaveLength(1);
    expect(existsSync(before.publicPath)).toBe(false);
    expect(existsSync(before.publicPath.replace(/\.pub$/, ''))).toBe(false);
    for (const name of names) {
      expect({ name, old: await logsIn(copy, name) }).toEqual({ name, old: false });
      expect({ name, new: await logsIn(after.publicPath.replace(/\.pub$/, ''), name) }).toEqual({
        name,
        new: true,
      });
    }
    const line = readFileSync(after.publicPath, 'utf8').split(' ').slice(0, 2).join(' ');
    expect(await authorizedKeys('one')).toBe(`${note}\n${line}\n`);
    const facts = await home.ok(['exec', 'one', '--', 'stat', '-c', '%U:%G %a', '.ssh/authorized_keys']);
    expect(facts.stdout).toBe('dev:dev 640\n');
    expect((await home.ok(['exec', 'one', '--', 'ls', '-A', '.ssh'])).stdout).toBe('authorized_keys\n');
  });

  it('locks nobody out, wherever it is killed, and comes to its end when it is run again', async () => {
    const copy = keepCopy(await currentKey(), 'second');
    let kills = 0;
    for (let line = 1; ; line++) {
      const { killed, lines } = await rotateUntilKilled(line);
      expect({ lines, lockedOut: await lockedOut() }).toEqual({ lines, lockedOut: [] });
      if (!killed) break;
      kills++;
    }
    expect(kills).toBeGreaterThan(4);
    await home.ok(['key', 'rotate', '--no-passphrase']);
    expect(await listKeys()).toHaveLength(1);
    expect(readdirSync(join(home.path, 'keys')).toSorted()).toEqual([
      expect.stringMatching(/^id_ed25519/),
      expect.stringMatching(/^id_ed25519.*\.pub$/),
      'ring.json',
    ]);
    for (const name of names) {
      expect(await logsIn(copy, name)).toBe(false);
      expect((await authorizedKeys(name)).match(/^ssh-ed25519/gm)).toHaveLength(1);
    }
  });

  it('leaves a machine that can not be reached with the old key, says so, and goes on later', async () => {
    const before = await currentKey();
    const root = await rootOf(home, 'two');
    await root.ok(['systemctl', 'stop', 'ssh.service']);
    await root.ok(['sh', '-c', 'pkill -x sshd || true']);
    const first = await home.spuff(['key', 'rotate', '--no-passphrase']);
    await root.ok(['systemctl', 'start', 'ssh.service']);
    expect(first.exitCode).toBe(10);
    expect(first.stderr).toMatch(/error: two: /);
    expect(first.stderr).toContain('spuff key rotate');
    expect(await listKeys()).toMatchObject([
      { role: 'current', instances: ['one'] },
      { role: 'retiring', fingerprint: before.fingerprint, instances: ['two'] },
    ]);
    expect(await lockedOut()).toEqual([]);
    const second = JSON.parse((await home.ok(['key', 'rotate', '--no-passphrase', '--json'])).stdout);
    expect(second).toMatchObject({ resumed: true, done: names, undone: [], retired: [before.fingerprint] });
    expect(await lockedOut()).toEqual([]);
  });

  it('takes the old key nowhere away where the new one does not log in by itself', async () => {
    const before = await currentKey();
    const root = await rootOf(home, 'one');
    // sshd reads another file, so that the new key is let in by nothing; a key of the user's is, and ssh tries that too.
    const dropIn = '/etc/ssh/sshd_config.d/00-other.conf';
    const elsewhere = `cp -p /home/dev/.ssh/authorized_keys /home/dev/.ssh/other
      echo 'AuthorizedKeysFile .ssh/other' >${dropIn} && systemctl reload ssh`;
    await root.ok(['sh', '-ec', elsewhere]);
    // An `ssh` before the real one, since it finds its configuration by the system's word, not by HOME.
    const [config, shim] = [join(user.path, 'config'), join(user.path, 'ssh')];
    const real = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();
    writeFileSync(config, `Host spuff-*\nIdentityFile ${user.key}\n`);
    writeFileSync(shim, `#!/bin/sh\nexec '${real}' -F '${config}' "$@"\n`, { mode: 0o755 });
    const env = { PATH: `${user.path}:${process.env['PATH']}` };
    try {
      const refused = await home.spuff(['key', 'rotate', '--no-passphrase'], { env });
      expect(refused.exitCode).toBe(8);
      expect(refused.stderr).toContain('error: one: one was opened by another key');
      expect(await listKeys()).toContainEqual(
        expect.objectContaining({ role: 'retiring', fingerprint: before.fingerprint, instances: ['one'] }),
      );
      expect(await authorizedKeys('one')).toContain(readFileSync(before.publicPath, 'utf8').split(' ')[1]);
    } finally {
      await root.ok(['sh', '-ec', `rm ${dropIn} /home/dev/.ssh/other && systemctl reload ssh`]);
    }
    expect(await lockedOut()).toEqual([]);
    await home.ok(['key', 'rotate', '--no-passphrase']);
    expect(await listKeys()).toHaveLength(1);
  });
});

describe('a key in ssh-agent alone', () => {
  const agent = () => ({ ...process.env, ...user.env });

  it('needs an agent, and says how to start one', async () => {
    const { exitCode, stderr } = await home.spuff(['key', 'rotate', '--lifetime', '1h']);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('hint: start one for this shell: eval "$(ssh-agent)"');
    expect(await lockedOut()).toEqual([]);
  });

  it('is on no disk, ends by itself, and logs in', async () => {
    user.startAgent();
    const before = await currentKey();
    const { env } = user;
    const rotated = await home.spuff(['key', 'rotate', '--lifetime', '1h', '--json'], { env });
    expect(rotated).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(rotated.stdout)).toMatchObject({ done: names, retired: [before.fingerprint] });
    const key = JSON.parse((await home.spuff(['key', 'list', '--json'], { env })).stdout).keys[0] as Key;
    expect(key).toMatchObject({ storage: 'agent', inAgent: true, passphrase: null });
    expect(key.remainingMs).toBeGreaterThan(3_500_000);
    expect(execFileSync('ssh-add', ['-l'], { env: agent(), encoding: 'utf8' })).toContain(key.fingerprint);
    expect(existsSync(key.publicPath.replace(/\.pub$/, ''))).toBe(false);
    expect(statSync(key.publicPath).mode & 0o777).toBe(0o600);
    const remains = ['/dev/shm', process.env['XDG_RUNTIME_DIR'] ?? '/dev/shm'].flatMap((path) =>
      readdirSync(path),
    );
    expect(remains.filter((name) => name.startsWith('spuff-key-'))).toEqual([]);
    for (const name of names)
      expect(await home.spuff(['ssh', name, '--', '-C', 'true'], { env })).toMatchObject({ exitCode: 0 });
  });

  it('is not revoked while it is the last that lets the user in, unless the machines are given up', async () => {
    const { env } = user;
    const refused = await home.spuff(['key', 'revoke', '--all', '--yes'], { env });
    expect(refused.exitCode).toBe(5);
    expect(refused.stderr).toContain('only key that lets you in on ');
    const unasked = await home.spuff(['key', 'revoke', '--all'], { env });
    expect(unasked.exitCode).toBe(2);
    const forced = await home.spuff(
      ['key', 'revoke', '--all', '--yes', '--force', names.join(','), '--json'],
      {
        env,
      },
    );
    expect(jsonShapes['key-revocation'].schema.safeParse(JSON.parse(forced.stdout))).toMatchObject({
      success: true,
    });
    expect(JSON.parse(forced.stdout)).toMatchObject({
      done: names,
      undone: [],
      deleted: [expect.any(String)],
    });
    expect(execFileSync('ssh-add', ['-l'], { env: agent(), encoding: 'utf8' })).not.toContain('spuff ');
    expect(await home.spuff(['ssh', 'two', '--', '-C', 'true'], { env })).not.toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await home.spuff(['key', 'list', '--json'], { env })).stdout).keys).toEqual([]);
  });
});
