import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatedClouds } from '../simulators/start.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

// S1: a cloud's credential goes to that cloud, in the header that is for it, and nowhere else.

/** Commands that ask the cloud, some of which fail. */
const commands: readonly (readonly string[])[] = [
  ['providers', '--verbose'],
  ['regions', '--json'],
  ['sizes', '--verbose'],
  ['up', 'x', '--dry-run', '--verbose'],
  ['up', 'x', '--size', 'no-such-size', '--verbose'],
  ['orphans', '--verbose'],
  ['ls', '--refresh', '--verbose'],
  ['adopt', '--verbose'],
  ['doctor', '--verbose'],
  ['snapshot', 'list', '--verbose'],
  ['config', 'show'],
];

function formsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map((skip) => Buffer.from(secret).subarray(skip).toString('base64').slice(0, -4));
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex'), ...base64];
}

function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

describe.each(simulatedClouds)('the credential of %s', (name) => {
  let scene: CloudScene;
  let secret: string;
  beforeAll(async () => {
    scene = await openCloudScene(name);
    secret =
      scene.env['AWS_SECRET_ACCESS_KEY'] ??
      scene.env['DIGITALOCEAN_TOKEN'] ??
      scene.env['HCLOUD_TOKEN'] ??
      '';
    expect(secret.length).toBeGreaterThan(10);
  });
  afterAll(() => scene.close());

  const holds = (text: string | Buffer) => formsOf(secret).some((form) => text.includes(form));

  it('is in no output, in no file, and in no request but where it belongs', async () => {
    for (const command of commands) {
      const { stdout, stderr } = await scene.spuff(command);
      expect({ command, told: holds(stdout + stderr) }).toEqual({ command, told: false });
    }
    const files = filesUnder(scene.home.path);
    expect(files.some((path) => path.endsWith('spuff.log'))).toBe(true);
    expect(files.filter((path) => holds(readFileSync(path)))).toEqual([]);
    const { requests } = scene.harness.sim;
    expect(requests.length).toBeGreaterThan(10);
    const elsewhere = requests.filter(({ path, query, body, headers: { authorization: _own, ...headers } }) =>
      holds([path, query, body, JSON.stringify(headers)].join('\n')),
    );
    expect(elsewhere).toEqual([]);
    // What belongs there is there: the token, or a signature that only who holds the secret can make.
    expect(requests.every(({ headers }) => headers['authorization'] !== undefined)).toBe(true);
  });

  it('is told in no refusal either', async () => {
    scene.harness.sim.fail({
      kind: 'answer',
      answer: { status: 401, body: { message: `no: ${secret}`, id: secret } },
      times: 50,
    });
    const { exitCode, stdout, stderr } = await scene.spuff([
      'up',
      'x',
      '--dry-run',
      '--region',
      scene.harness.makeSpec().region,
      '--verbose',
    ]);
    scene.harness.sim.healAll();
    expect(exitCode === 0 || exitCode === 8).toBe(true);
    expect(holds(stdout + stderr)).toBe(false);
    expect(filesUnder(scene.home.path).filter((path) => holds(readFileSync(path)))).toEqual([]);
  });
});
