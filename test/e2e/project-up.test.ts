/** A machine made by what the file of a project says, and what a mistake in that file stops. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UserAgent } from '../guard/user-agent.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let home: SpuffHome;
let project: string;
let below: string;
let agent: UserAgent;

beforeAll(async () => {
  home = makeSpuffHome();
  project = join(mkdtempSync(join(tmpdir(), 'spuff-project-')), 'The Shop');
  below = join(project, 'apps', 'web');
  mkdirSync(below, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{}');
  await home.ok(['init', '--yes']);
  agent = new UserAgent(join(project, '..', 'agent'));
  await agent.start();
  agent.addKey('mine');
  await home.ok(['init', '--project'], { cwd: project });
  appendFileSync(
    join(project, 'spuff.yaml'),
    'resources: { size: host }\nmax_lifetime: 3h\nidle_timeout: off\n',
  );
  await home.ok(['validate'], { cwd: below });
  // What it asks for comes from the internet; that is for other tests.
  await home.ok(['up', '--no-connect', '--no-setup', '--ttl', '2h'], { cwd: below });
});

afterAll(async () => {
  await home.remove();
  await agent.stop();
  rmSync(join(project, '..'), { recursive: true, force: true });
});

it('is made as the file says, but for what an option says', async () => {
  const { stdout } = await home.ok(['ls', '--json']);
  const { instances } = JSON.parse(stdout) as { instances: Record<string, unknown>[] };
  expect(instances).toMatchObject([
    { name: 'the-shop', size: 'host', directory: project, idleTimeoutMs: null },
  ]);
  const [{ createdAt, expiresAt } = {}] = instances;
  const lifeMs = Date.parse(String(expiresAt)) - Date.parse(String(createdAt));
  expect(Math.round(lifeMs / 3_600_000)).toBe(2);
});

it('has the schema beside it that is in the package too', async () => {
  const { stdout } = await home.ok(['schema']);
  const inPackage = join(import.meta.dirname, '..', '..', 'dist', 'spuff.schema.json');
  for (const path of [inPackage, join(project, 'spuff.schema.json')])
    expect(readFileSync(path, 'utf8')).toBe(stdout);
});

it('is the one that is meant anywhere in the project', async () => {
  const { stdout } = await home.ok(['exec', '--', 'hostname'], { cwd: below });
  expect(stdout).toBe('the-shop\n');
});

it('stops sessions only for what is wrong with its guard', async () => {
  const path = join(project, 'spuff.yaml');
  const before = readFileSync(path, 'utf8');
  const lend = () =>
    home.spuff(['exec', '-A', '--', 'true'], { cwd: below, env: { SSH_AUTH_SOCK: agent.socketPath } });
  writeFileSync(path, `${before}bundels: [node]\n`);
  expect(await lend()).toMatchObject({ exitCode: 0 });
  expect(await home.spuff(['up', 'other', '--no-connect'], { cwd: below })).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('there is no setting of a project "bundels"'),
  });
  writeFileSync(path, `${before}guard: { rates: 1 }\n`);
  expect(await lend()).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('no setting of the guard "rates"'),
  });
  writeFileSync(path, before);
  expect(await lend()).toMatchObject({ exitCode: 0 });
});
