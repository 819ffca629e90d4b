import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { devcontainerCliPlan } from '../../domain/devcontainer.ts';
import type { SetupOrder } from '../../protocol/setup-schema.ts';
import { type Answer, createSetupWorld, type SetupWorld } from './setup-world.ts';

let world: SetupWorld;
afterEach(() => world.remove());

const wish: NonNullable<SetupOrder['devcontainer']> = {
  ...{ path: '.devcontainer/devcontainer.json', usesCompose: false, hash: 'a'.repeat(64) },
  ...{ ports: [{ port: 3000, service: null }], cli: devcontainerCliPlan },
};
const isUp = (argv: readonly string[]) => argv.includes('up') && argv.includes('--workspace-folder');
const setUp = async (change: Partial<typeof wish> = {}, env: Record<string, string> = {}) => {
  const { parts } = await world.setUp({ devcontainer: { ...wish, ...change }, env });
  return parts.find(({ kind }) => kind === 'devcontainer');
};
const make = (answer: Answer = () => undefined) => {
  world = createSetupWorld(answer);
};
const upIn = ({ ran }: SetupWorld) => ran.filter(isUp);

describe('a dev container', () => {
  it('is brought up once, with the folder of the agent and the keys of hosts in it', async () => {
    make();
    expect(await setUp()).toMatchObject({ state: 'done', log: 'spuff-setup/devcontainer.log' });
    expect(await setUp()).toMatchObject({ state: 'done' });
    expect(upIn(world)).toHaveLength(1);
    const [argv = []] = upIn(world);
    const folder = world.places.devcontainerFolder;
    expect(argv.slice(2)).toEqual([
      ...['up', '--workspace-folder', '/home/dev/shop'],
      ...['--config', '/home/dev/shop/.devcontainer/devcontainer.json'],
      ...['--remote-env', 'SSH_AUTH_SOCK=/opt/spuff/agent.sock'],
      ...['--mount', 'type=bind,source=/run/spuff/devcontainer/lent,target=/opt/spuff'],
      ...['--mount', `type=bind,source=${folder}/known_hosts,target=/etc/ssh/ssh_known_hosts2`],
      ...['--secrets-file', join(world.places.envFolder, 'devcontainer.json'), '--remove-existing-container'],
    ]);
  });

  it('is built anew when what it is made of has changed', async () => {
    make();
    await setUp();
    await setUp({ hash: 'b'.repeat(64) });
    expect(upIn(world)).toHaveLength(2);
  });

  it('that fails says why in the words of the command line, and opens no port', async () => {
    const output = 'much\n{"outcome":"error","message":"no such \\u001b[31mimage"}\n';
    make((argv) => (isUp(argv) ? { exitCode: 1, output } : undefined));
    const part = await setUp();
    expect(part).toMatchObject({ state: 'failed', items: [] });
    expect(part?.detail).toContain('no such ');
    expect(part?.detail).not.toContain('\u001b');
    expect(world.ran.flat().filter((word) => word.endsWith('3000.socket'))).toEqual([]);
  });

  it('asks for its files first', async () => {
    make((argv) => (argv[0] === 'test' ? { exitCode: 1 } : undefined));
    const part = await setUp();
    expect(part).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('bring the project there'),
    });
    expect(upIn(world)).toEqual([]);
  });
});

describe('the ports of a dev container', () => {
  const units = () => readdirSync(world.places.unitFolder).filter((name) => name.includes('-port-'));

  it('open once it is up, and one that is taken stays closed, after a boot too', async () => {
    make((argv) => (argv.includes('enable') && argv.at(-1)?.includes('3000') ? { exitCode: 1 } : undefined));
    const ports = [...wish.ports, { port: 5432, service: 'db' }];
    const part = await setUp({ ports });
    expect(part?.items).toMatchObject([
      { name: 'port 3000', state: 'skipped', detail: expect.stringContaining('listens on it already') },
      { name: 'port 5432', state: 'done' },
    ]);
    const said = world.ran.map((argv) => argv.join(' '));
    const up = world.ran.findIndex(isUp);
    const opened = said.findIndex((line) => line.includes('enable') && line.includes('5432'));
    expect(up).toBeLessThan(opened);
    expect(said).toContain('systemctl disable --quiet --now spuff-devcontainer-port-3000.socket');
    const service = readFileSync(
      join(world.places.unitFolder, 'spuff-devcontainer-port-5432.service'),
      'utf8',
    );
    expect(service).toContain('ExecStart=/usr/lib/spuff/devcontainer/forward-port 5432 db\n');
  });

  it('go when the file names them no more', async () => {
    make();
    await setUp();
    expect(units()).toEqual(['spuff-devcontainer-port-3000.service', 'spuff-devcontainer-port-3000.socket']);
    await setUp({ ports: [] });
    expect(units()).toEqual([]);
  });
});

it('its variables are in memory, in no argument and in no script', async () => {
  make();
  await setUp({}, { SHOP_KEY: 'canary-of-the-shop' });
  expect(JSON.stringify(world.ran)).not.toContain('canary');
  const { devcontainerFolder, envFolder, lentToContainer } = world.places;
  for (const name of readdirSync(devcontainerFolder))
    expect(readFileSync(join(devcontainerFolder, name), 'utf8')).not.toContain('canary');
  expect(statSync(join(envFolder, 'devcontainer.json')).mode & 0o777).toBe(0o640);
  expect(existsSync(join(lentToContainer, 'env.sh'))).toBe(true);
});
