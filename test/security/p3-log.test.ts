/** P3: the local log has each change at a cloud and nothing secret, and shows what was done to it. */
import { once } from 'node:events';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditLine } from '../../src/domain/audit.ts';
import { segmentName } from '../../src/state/audit-files.ts';
import { openProvider } from '../machine/lab.ts';
import { realMachines } from '../simulators/machine-backing.ts';
import type { SimRequest } from '../simulators/sim-server.ts';
import { simulatedClouds } from '../simulators/start.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

/** What the cloud has heard that changes something, as the log should tell it. */
function changesHeard({ harness }: CloudScene): string[] {
  return harness.sim.requests.flatMap((request) => {
    if (['GET', 'HEAD'].includes(request.method)) return [];
    const action = actionOf(request);
    if (action === null) return [`${request.method} ${request.path}`];
    return /^(?:Describe|Get|List)/.test(action) ? [] : [action];
  });
}

/** AWS names what it is asked in the body, or in a header. */
function actionOf({ body, headers }: SimRequest): string | null {
  const target = headers['x-amz-target'];
  return target?.replace(/^.*\./, '') ?? /(?:^|&)Action=(\w+)/.exec(body)?.[1] ?? null;
}

async function readLog(scene: CloudScene, ...argv: string[]): Promise<AuditLine[]> {
  const { stdout } = await scene.home.ok(['log', '-n', '1000', '--json', ...argv]);
  return JSON.parse(stdout).lines;
}

async function changesLogged(scene: CloudScene): Promise<string[]> {
  const lines = await readLog(scene, '--kind', 'request');
  return lines.map(({ details: { method, url } }) => {
    const action = /\?Action=(\w+)$/.exec(String(url))?.[1];
    return action ?? `${method} ${new URL(String(url), 'http://x').pathname}`;
  });
}

function formsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map((skip) => Buffer.from(secret).subarray(skip).toString('base64').slice(0, -4));
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex'), ...base64];
}

function filesThatHold(scene: CloudScene, secret: string): string[] {
  return readdirSync(join(scene.home.path, 'log'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(scene.home.path, 'log', name))
    .filter((path) => statSync(path).isFile())
    .filter((path) => formsOf(secret).some((form) => readFileSync(path).includes(form)));
}

function secretOf({ env }: CloudScene): string {
  return env['AWS_SECRET_ACCESS_KEY'] ?? env['DIGITALOCEAN_TOKEN'] ?? env['HCLOUD_TOKEN'] ?? '';
}

describe.each(simulatedClouds)('at %s', (name) => {
  let scene: CloudScene;
  beforeAll(async () => {
    scene = await openCloudScene(name);
  });
  afterAll(() => scene.close());

  it('the log has exactly the changes of an up that is stopped half-way, and not the credential', async () => {
    const up = scene.start(['up', 'demo', '--no-connect', '--region', scene.harness.makeSpec().region]);
    await expect.poll(() => scene.harness.cloud.machineIds().length, { timeout: 60_000 }).toBe(1);
    const ended = once(up, 'exit');
    up.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(scene.harness.cloud.inventory()).toEqual({});
    const logged = await changesLogged(scene);
    expect(logged.length).toBeGreaterThan(1);
    expect(logged).toEqual(changesHeard(scene));
    const begun = (await readLog(scene, '--kind', 'change')).map(({ details }) => details['operation']);
    expect(begun[0]).toBe('create');
    expect(begun).toContain('destroy');
    // Reading leaves no line.
    const before = (await readLog(scene)).length;
    for (const command of [['ls', '--refresh'], ['providers'], ['orphans'], ['regions']])
      await scene.spuff(command);
    expect(await readLog(scene)).toHaveLength(before);
    expect(secretOf(scene).length).toBeGreaterThan(10);
    expect(filesThatHold(scene, secretOf(scene))).toEqual([]);
    expect((await scene.spuff(['log', 'verify'])).exitCode).toBe(0);
  });
});

describe('with a machine', () => {
  const canary = 'hunter2-in-an-argument';
  let scene: CloudScene;
  beforeAll(async () => {
    scene = await openCloudScene('hetzner', realMachines(openProvider()));
    await scene.spuff(['key', 'new', '--no-passphrase']);
  });
  afterAll(() => scene.close());

  const ok = async (...args: string[]) => {
    const result = await scene.spuff(args);
    expect(result).toMatchObject({ exitCode: 0 });
    return result;
  };
  const logPath = () => join(scene.home.path, 'log');

  it('has its host key, its lease, what ran there and its end, and no argument of it', {
    timeout: 400_000,
  }, async () => {
    await ok('up', 'demo', '--no-connect', '--ttl', '4h');
    await ok('exec', 'demo', '--', 'sh', '-c', `true ${canary}`);
    await ok('extend', 'demo', '1h');
    await ok('keep', 'demo', '--for', '1h');
    await ok('firewall', 'allow', 'demo', '192.0.2.0/24');
    const lines = await readLog(scene);
    const told = lines.map(({ kind, details }) => [kind, details['event'] ?? details['operation']].join(' '));
    for (const line of [
      'change create',
      'host-key learned',
      'host-key pinned',
      'deadline armed',
      'deadline moved',
      'deadline kept-on',
      'change setExpiry',
      'change firewall.set',
    ])
      expect(told).toContain(line);
    expect(told.indexOf('change create')).toBeLessThan(told.indexOf('host-key learned'));
    const ran = lines.filter(({ kind, details }) => kind === 'command' && details['program'] === 'sh');
    expect(ran.at(-1)?.details).toMatchObject({ event: 'ended', arguments: 2, exitStatus: 0 });
    expect(await changesLogged(scene)).toEqual(changesHeard(scene));
    expect(filesThatHold(scene, canary)).toEqual([]);
    expect(filesThatHold(scene, secretOf(scene))).toEqual([]);
  });

  it('shows each change of the log, with file and line, and the printed hash finds one that was made anew', async () => {
    const path = join(logPath(), segmentName(1));
    const kept = readFileSync(path, 'utf8');
    const { head } = JSON.parse((await ok('log', 'verify', '--json')).stdout);
    expect((await ok('log', 'verify')).stdout).toContain(head.hash);
    const lines = kept.split(/(?<=\n)/);
    const attacks: readonly (readonly [string[], RegExp])[] = [
      [
        lines.map((line) => line.replace('"create"', '"find"')),
        /audit-000001\.ndjson:\d+: line \d+ of the log was changed/,
      ],
      [lines.toSpliced(4, 1), /audit-000001\.ndjson:5: line 5 of the log is missing before it/],
      [lines.slice(0, -3), /missing at the end of the log/],
      [[...lines, lines.at(-1) ?? ''], /stands twice/],
    ];
    for (const [changed, problem] of attacks) {
      writeFileSync(path, changed.join(''));
      const { exitCode, stdout } = await scene.spuff(['log', 'verify']);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: expect.stringMatching(problem) });
    }
    writeFileSync(path, kept);
    await ok('log', 'verify', '--from-hash', head.hash);
    // Everything anew, the head as well, is whole in itself: only what was noted elsewhere tells.
    const aside = `${scene.home.path}-aside`;
    renameSync(scene.home.path, aside);
    await scene.home.ok(['init', '--yes']);
    expect(await scene.spuff(['log', 'verify'])).toMatchObject({ exitCode: 0 });
    expect(await scene.spuff(['log', 'verify', '--from-hash', head.hash])).toMatchObject({ exitCode: 4 });
    rmSync(scene.home.path, { recursive: true });
    renameSync(aside, scene.home.path);
  });

  it('that can’t be written lets nothing be made, and keeps nothing alive', async () => {
    const before = changesHeard(scene).length;
    renameSync(logPath(), `${logPath()}-aside`);
    writeFileSync(logPath(), 'in its place');
    expect(await scene.spuff(['up', 'other', '--no-connect'])).toMatchObject({ exitCode: 15 });
    expect(await scene.spuff(['extend', 'demo', '1h'])).toMatchObject({ exitCode: 15 });
    expect(await scene.spuff(['firewall', 'allow', 'demo', '0.0.0.0/0'])).toMatchObject({ exitCode: 15 });
    expect(changesHeard(scene)).toHaveLength(before);
    const { exitCode, stderr } = await scene.spuff(['down', 'demo']);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringContaining('NOT written to the local log'),
    });
    expect(scene.harness.cloud.inventory()).toEqual({});
    rmSync(logPath());
    renameSync(`${logPath()}-aside`, logPath());
    expect((await scene.spuff(['log', 'verify'])).exitCode).toBe(0);
  });
});
