/** P1: the playbooks, with an intruder's machine planted at a cloud, killed at every second line that they say, and on a real machine. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonShapes } from '../../src/cli/json-shapes.ts';
import { makeSpuffHome, type Result, type SpuffHome } from '../e2e/spuff-process.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';
import { UserHome } from './user-home.ts';

interface Line {
  incident: { id: string; endedAt: string | null };
  step: { name: string; state: string; said: string[]; todo: string[] } | null;
  report: string | null;
}

function readLines({ stdout }: Result): Line[] {
  const lines = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  for (const line of lines) {
    expect(jsonShapes['incident-progress'].schema.safeParse(line)).toMatchObject({ success: true });
  }
  return lines;
}

const statesOf = (lines: readonly Line[]) =>
  Object.fromEntries(lines.flatMap(({ step }) => (step ? [[step.name, step.state]] : [])));

const newestOf = async (home: SpuffHome): Promise<string> =>
  JSON.parse((await home.ok(['incident', 'list', '--json'])).stdout).incidents[0].id;

/** Runs a playbook, and kills it with SIGKILL when it has said so many lines. Tells whether it came to be killed. */
async function killAtLine(
  start: (args: string[]) => ReturnType<SpuffHome['start']>,
  args: string[],
  at: number,
) {
  const child = start(args);
  const ended = once(child, 'exit');
  child.stdout?.resume();
  let count = 0;
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', () => {
    count += 1;
    if (count === at) child.kill('SIGKILL');
  });
  await ended;
  return child.signalCode === 'SIGKILL';
}

describe('api-token, with a machine of an intruder', () => {
  const oldToken = 'Old0'.repeat(16);
  let scene: CloudScene;
  let planted = '';
  const ids = () => scene.harness.cloud.machineIds();
  beforeAll(async () => {
    scene = await openCloudScene('hetzner');
    await scene.harness.cloud.plantOurs(1);
    planted = ids()[0] ?? '';
  });
  afterAll(() => scene.close());

  it('goes no further while the cloud accepts the token, whatever it is told', async () => {
    const lines = readLines(
      await scene.spuff(['incident', 'api-token', '--yes', '--done', '--json', '--destroy', planted]),
    );
    expect(statesOf(lines)).toEqual({ reach: 'done', revoked: 'waiting' });
    expect(lines[1]?.step?.todo.join()).toContain('https://console.hetzner.com/projects');
    expect(ids()).toEqual([planted]);
  });

  it('sees the old token refused, names what nobody knows of, and destroys it when it is told to', async () => {
    const old = { HCLOUD_TOKEN: oldToken };
    const first = readLines(await scene.spuff(['incident', 'api-token', '--yes', '--json'], old));
    expect(statesOf(first)).toEqual({ reach: 'done', revoked: 'done', 'new-token': 'waiting' });
    const id = first[0]?.incident.id ?? '';
    const resume = ['incident', 'api-token', '--resume', id, '--yes', '--json'];
    const second = readLines(await scene.spuff(resume));
    expect(statesOf(second)).toEqual({
      'new-token': 'done',
      evidence: 'done',
      destroyed: 'left',
      audit: 'left',
    });
    expect(ids()).toEqual([planted]);
    const folder = join(scene.home.path, 'incidents', id);
    expect(readFileSync(join(folder, 'inventory.json'), 'utf8')).toContain(planted);

    const args = ['incident', 'api-token', '--resume', id, '--yes', '--destroy', planted, '--verbose'];
    for (let at = 1; await killAtLine((argv) => scene.start(argv), args, at); at += 2);
    const last = readLines(await scene.spuff([...resume, '--destroy', planted, '--done']));
    expect(last.at(-1)?.incident.endedAt).not.toBeNull();
    expect(ids()).toEqual([]);

    const report = readFileSync(join(folder, 'report.md'), 'utf8');
    expect(report).toContain('seen: hetzner refuses the old token');
    expect(report).toContain('destroyed, and seen to be gone');
    for (const path of [`${folder}.json`, join(folder, 'report.md'), join(folder, 'inventory.json')]) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      for (const secret of [oldToken, scene.env['HCLOUD_TOKEN'] ?? '']) {
        expect(readFileSync(path, 'utf8')).not.toContain(secret);
      }
    }
  });
});

describe('on a real machine', () => {
  let user: UserHome;
  let home: SpuffHome;
  beforeAll(async () => {
    user = new UserHome();
    home = makeSpuffHome(user.env);
    await home.ok(['key', 'new', '--no-passphrase']);
    await home.ok(['up', 'demo', '--no-connect']);
  });
  afterAll(async () => {
    await home.remove();
    user.remove();
  });

  /** Plain ssh with one private key, nothing of spuff's but the pinned host key. */
  async function logsIn(privatePath: string): Promise<boolean> {
    const { instances } = JSON.parse((await home.ok(['ls', '--json'])).stdout);
    const { key, ssh, user: login } = instances[0];
    const options = {
      ...{ BatchMode: 'yes', IdentitiesOnly: 'yes', IdentityAgent: 'none', StrictHostKeyChecking: 'yes' },
      ...{ UserKnownHostsFile: join(home.path, 'known_hosts', key), HostKeyAlias: `spuff-${key}` },
    };
    const flags = Object.entries(options).flatMap(([option, value]) => ['-o', `${option}=${value}`]);
    const place = ['-i', privatePath, '-p', String(ssh.port), `${login}@${ssh.host}`, 'true'];
    return spawnSync('ssh', ['-F', 'none', ...flags, ...place]).status === 0;
  }

  it('ssh-key: wherever it is killed it comes to its end, and sshd refuses the old key', async () => {
    const { keys } = JSON.parse((await home.ok(['key', 'list', '--json'])).stdout);
    const copy = join(user.path, 'stolen');
    copyFileSync(keys[0].publicPath.replace(/\.pub$/, ''), copy);
    expect(await logsIn(copy)).toBe(true);
    const start = (argv: string[]) => home.start(argv);
    expect(await killAtLine(start, ['incident', 'ssh-key', '--yes', '--verbose'], 1)).toBe(true);
    const id = await newestOf(home);
    const resume = ['incident', 'ssh-key', '--resume', id, '--yes'];
    for (let at = 2; await killAtLine(start, [...resume, '--verbose'], at); at += 2);
    const last = readLines(await home.ok([...resume, '--done', '--json']));
    expect(last.at(-1)?.incident.endedAt).not.toBeNull();
    expect(await logsIn(copy)).toBe(false);
    expect(await home.spuff(['exec', 'demo', '--', 'true'])).toMatchObject({ exitCode: 0 });
    const report = readFileSync(join(home.path, 'incidents', id, 'report.md'), 'utf8');
    expect(report).toContain(`seen: demo refuses ${keys[0].fingerprint}`);
    expect(report).toContain('https://github.com/settings/keys');
    // It rotated once, however often it was cut off.
    expect(JSON.parse((await home.ok(['key', 'list', '--json'])).stdout).keys).toHaveLength(1);
  });

  it('ssh-key: is gone through by one process at a time', async () => {
    const child = home.start(['incident', 'ssh-key', '--yes', '--verbose']);
    const ended = once(child, 'exit');
    child.stdout?.resume();
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    const id = await newestOf(home);
    child.kill('SIGSTOP');
    const second = await home.spuff(['incident', 'ssh-key', '--resume', id, '--yes']);
    child.kill('SIGCONT');
    await ended;
    expect(second.exitCode).not.toBe(0);
    expect(second.stderr).toContain(`incident ${id} is being gone through: process ${child.pid}`);
    expect(await home.spuff(['exec', 'demo', '--', 'true'])).toMatchObject({ exitCode: 0 });
  });

  it('vm: keeps evidence, destroys nothing unasked, and leaves nothing when it is told to', async () => {
    const first = readLines(await home.spuff(['incident', 'vm', 'demo', '--yes', '--json']));
    expect(statesOf(first)).toMatchObject({
      lending: 'done',
      evidence: 'done',
      closed: 'done',
      destroyed: 'waiting',
    });
    const id = first[0]?.incident.id ?? '';
    const processes = join(home.path, 'incidents', id, 'processes.txt');
    expect(readFileSync(processes, 'utf8')).toContain('sshd');
    expect(statSync(processes).mode & 0o777).toBe(0o600);
    expect(JSON.parse((await home.ok(['ls', '--json'])).stdout).instances).toHaveLength(1);
    const resume = ['incident', 'vm', '--resume', id, '--yes', '--destroy'];
    for (let at = 1; await killAtLine((argv) => home.start(argv), [...resume, '--verbose'], at); at += 2);
    const last = readLines(await home.ok([...resume, '--done', '--json']));
    expect(last.at(-1)?.incident.endedAt).not.toBeNull();
    expect(JSON.parse((await home.ok(['ls', '--json'])).stdout).instances).toEqual([]);
  });
});
