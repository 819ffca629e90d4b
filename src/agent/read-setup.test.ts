import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { activityResponse } from '../protocol/activity-schema.ts';
import { errorResponse, responseSchemas } from '../protocol/response-schemas.ts';
import type { SetupStatus } from '../protocol/setup-schema.ts';
import { describeConfig } from './setup/describe-config.ts';
import { emptyOrder } from './setup/setup-world.ts';
import { startTestAgent, type TestAgent } from './start-test-agent.ts';

let test: TestAgent;
const path = process.env['PATH'];
beforeEach(async () => {
  test = await startTestAgent();
  mkdirSync(test.paths.setupState);
});
afterEach(async () => {
  process.env['PATH'] = path;
  await test.stop();
});

const part = { startedAt: null, endedAt: null, detail: null, log: null, items: [] };
const atWork: SetupStatus = {
  ...{ project: 'shop', run: 'one', state: 'in_progress', startedAt: null, endedAt: null, detail: null },
  parts: [
    { ...part, kind: 'packages', name: 'packages', state: 'done' },
    {
      ...{ ...part, kind: 'bundle', name: 'node', state: 'in_progress' },
      items: [
        { name: 'node', state: 'done', detail: 'v24.1.0' },
        { name: 'npm', state: 'failed', detail: 'not found' },
      ],
    },
    { ...part, kind: 'script', name: '001', state: 'pending' },
  ],
};

const write = (name: string, content: unknown) =>
  writeFileSync(
    join(test.paths.setupState, name),
    typeof content === 'string' ? content : JSON.stringify(content),
  );
const begin = () => mkdirSync(test.paths.setupRunning);

type Read = 'projectConfig' | 'projectStatus' | 'devtools' | 'services' | 'projectSetup' | 'servicesRestart';

async function call<Name extends Read>(name: Name, method: string, url: string, body?: object) {
  const { status, text } = await test.call(method, url, body === undefined ? {} : { body });
  if (status !== 200) throw new Error(`${status} ${errorResponse.parse(JSON.parse(text)).error.message}`);
  return responseSchemas[name].parse(JSON.parse(text));
}
const status = async () => (await call('projectStatus', 'GET', '/project/status')) as SetupStatus;

describe('/project', () => {
  it('says that nothing was ever asked for', async ({ expect }) => {
    expect(await status()).toMatchObject({ project: null, state: 'pending', parts: [] });
    expect(await call('projectConfig', 'GET', '/project/config')).toEqual({ config: null });
    expect(await call('devtools', 'GET', '/devtools')).toEqual({ devtools: [] });
    expect(await call('services', 'GET', '/services')).toEqual({ composeFile: null, services: [] });
    await expect(call('projectSetup', 'POST', '/project/setup', {})).rejects.toThrow(
      '404 no project was ever set up',
    );
    expect(existsSync(join(test.folder, 'setup-trigger'))).toBe(false);
  });

  it('tells one that is at work from one that was cut off', async ({ expect }) => {
    write('status.json', atWork);
    begin();
    expect(await status()).toMatchObject({ state: 'in_progress' });
    rmSync(test.paths.setupRunning, { recursive: true });
    const cut = await status();
    expect(cut.state).toBe('failed');
    expect(cut.parts.map(({ state }) => state)).toEqual(['done', 'failed', 'skipped']);
    expect(cut.detail).toContain('cut off');
  });

  it('takes a damaged file for none', async ({ expect }) => {
    write('status.json', '{"project":');
    write('config.json', '[]');
    expect(await status()).toMatchObject({ project: null });
    expect(await call('projectConfig', 'GET', '/project/config')).toEqual({ config: null });
  });

  it('shows the names of variables, and no value of any, nor what looks like a credential', async ({
    expect,
  }) => {
    const env = { SHOP_KEY: 'canary-value' };
    const setup = ['curl -H "Authorization: Bearer Abc123Def456Ghi789"'];
    write('config.json', describeConfig({ ...emptyOrder, env, setup }));
    const shown = JSON.stringify(await call('projectConfig', 'GET', '/project/config'));
    expect(shown).toContain('"envNames":["SHOP_KEY"]');
    expect(shown).not.toContain('canary-value');
    expect(shown).not.toContain('Abc123Def456Ghi789');
  });

  it('has the unit started by a file that says nothing, and not while it is at work', async ({ expect }) => {
    const trigger = join(test.folder, 'setup-trigger');
    write('config.json', describeConfig(emptyOrder));
    begin();
    expect(await call('projectSetup', 'POST', '/project/setup', {})).toEqual({ outcome: 'running' });
    expect(existsSync(trigger)).toBe(false);
    rmSync(test.paths.setupRunning, { recursive: true });
    expect(await call('projectSetup', 'POST', '/project/setup', {})).toEqual({ outcome: 'started' });
    expect(readFileSync(trigger, 'utf8')).toBe('');
  });

  it('takes no orders: what the unit does is not for the caller to say', async ({ expect }) => {
    write('config.json', describeConfig(emptyOrder));
    const body = { only: ['scripts'], setup: ['id'] };
    await expect(call('projectSetup', 'POST', '/project/setup', body)).rejects.toThrow('400');
  });
});

describe('/devtools', () => {
  it('are the bundles, with the versions that their tools answered', async ({ expect }) => {
    write('status.json', { ...atWork, state: 'done' });
    const tools = [
      { name: 'node', state: 'done', version: 'v24.1.0' },
      { name: 'npm', state: 'failed', version: null },
    ];
    const { devtools } = (await call('devtools', 'GET', '/devtools')) as { devtools: object[] };
    expect(devtools).toEqual([{ kind: 'bundle', name: 'node', state: 'in_progress', detail: null, tools }]);
  });
});

describe('/services', () => {
  beforeEach(() => {
    const services = { composeFile: 'compose.yaml', profiles: ['dev'] };
    write('config.json', describeConfig({ ...emptyOrder, directory: test.folder, services }));
    process.env['PATH'] = `${join(test.folder, 'bin')}:${path}`;
    mkdirSync(join(test.folder, 'bin'));
  });

  function standIn(script: string): void {
    const program = join(test.folder, 'bin', 'docker');
    writeFileSync(program, `#!/bin/sh\necho "$*" >>${test.folder}/docker.txt\n${script}`);
    chmodSync(program, 0o755);
  }
  const asked = () => readFileSync(join(test.folder, 'docker.txt'), 'utf8');

  it('are what docker says of the containers of the project', async ({ expect }) => {
    standIn(
      `printf 'db\\tshop-db-1\\trunning\\tUp 2 minutes\\tpostgres:17\\t5432/tcp\\nweb\\tw\\033\\texited\\tExited\\tw\\t\\n'`,
    );
    const { services } = (await call('services', 'GET', '/services')) as { services: object[] };
    expect(services).toEqual([
      {
        name: 'db',
        container: 'shop-db-1',
        state: 'running',
        status: 'Up 2 minutes',
        image: 'postgres:17',
        ports: '5432/tcp',
      },
      { name: 'web', container: 'w\\x1b', state: 'exited', status: 'Exited', image: 'w', ports: '' },
    ]);
    expect(asked()).toContain(`label=com.docker.compose.project.working_dir=${test.folder}`);
  });

  it('are restarted by name, and a name that is none reaches no program', async ({ expect }) => {
    standIn('');
    // A login shell would look for docker where it is in sessions.
    writeFileSync(
      join(test.folder, 'bin', 'bash'),
      '#!/bin/sh\nshift 2\nscript=$1; shift\nexec sh -c "$script" "$@"\n',
    );
    chmodSync(join(test.folder, 'bin', 'bash'), 0o755);
    writeFileSync(join(test.folder, 'docker.txt'), '');
    await expect(call('servicesRestart', 'POST', '/services/restart', { service: '--all' })).rejects.toThrow(
      '400',
    );
    expect(asked()).toBe('');
    process.env['PATH'] = `${join(test.folder, 'bin')}:${path}`;
    await call('servicesRestart', 'POST', '/services/restart', { service: 'db' });
    expect(asked()).toContain('compose -f compose.yaml --profile dev restart db\n');
  });

  it('pass on what docker complains about', async ({ expect }) => {
    standIn('echo "permission denied: the socket" >&2; exit 1');
    await expect(call('services', 'GET', '/services')).rejects.toThrow('503 permission denied: the socket');
  });
});

describe('a setup that is at work', () => {
  it('keeps the machine on', async ({ expect }) => {
    const read = async () => activityResponse.parse(JSON.parse((await test.call('GET', '/activity')).text));
    expect((await read()).idle.keptOnBy).not.toContain('the project is being set up');
    begin();
    const { idle, signals } = await read();
    expect(idle.keptOnBy).toContain('the project is being set up');
    expect(signals.setup).toMatchObject({ running: true });
    rmSync(test.paths.setupRunning, { recursive: true });
    const after = await read();
    expect(after.signals.setup?.running).toBe(false);
    expect(after.signals.setup?.lastAt).not.toBeNull();
  });
});
