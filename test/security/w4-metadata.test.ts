import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashAgentToken } from '../../src/lib/agent-token.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { openProvider } from '../machine/lab.ts';
import { runOnMachine } from '../machine/run-on-machine.ts';
import { formsOf, privateLines, privateLinesOf } from '../machine/search-machine.ts';
import type { AwsHarness } from '../simulators/aws/harness.ts';
import { type MachineBacking, realMachines } from '../simulators/machine-backing.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';
import { isRefused, type Told, walkArguments } from './metadata-walk.ts';
import { UserHome } from './user-home.ts';

// W4: what the metadata service tells whoever may ask it on the machine holds no usable secret; and V6 and AWS's switch there.

const hetzner = '/hetzner/v1/metadata';
const clouds = {
  digitalocean: {
    source: { datasource: 'DataSourceDigitalOcean', id: 'digitalocean' },
    starts: ['/metadata/v1.json', '/metadata/v1/'],
    userData: '/metadata/v1/user-data',
    deepest: '/metadata/v1/interfaces/public/0/ipv4/ip_address',
  },
  hetzner: {
    source: { datasource: 'DataSourceHetzner', id: 'hetzner' },
    starts: [hetzner, `${hetzner}/instance-id`, `${hetzner}/public-keys`, '/hetzner/v1/userdata'],
    userData: '/hetzner/v1/userdata',
    deepest: `${hetzner}/public-keys`,
  },
  aws: {
    source: { datasource: 'DataSourceEc2', id: 'aws' },
    starts: ['/latest/', '/2009-04-04/', '/2021-03-23/'],
    userData: '/latest/user-data',
    deepest: '/2021-03-23/dynamic/instance-identity/document',
  },
};

interface Stage {
  scene: CloudScene;
  asRoot(argv: readonly string[], stdin?: string): Promise<string>;
}

const user = new UserHome();
const stages = new Map<string, Stage>();

/** Remembers which machine is behind the cloud's. */
function watched(backing: MachineBacking): MachineBacking & { last: string } {
  const watching = {
    ...backing,
    last: '',
    async boot(metadata: Parameters<MachineBacking['boot']>[0]) {
      const machine = await backing.boot(metadata);
      watching.last = machine.id;
      return machine;
    },
  };
  return watching;
}

async function open(name: string): Promise<void> {
  const backing = watched(realMachines(openProvider()));
  const scene = await openCloudScene(name, backing);
  const asRoot: Stage['asRoot'] = async (argv, stdin) => {
    const result = await runOnMachine({ name: backing.last }, argv, stdin);
    if (result.exitCode === 0) return result.stdout;
    throw new Error(`${argv.join(' ')}: ${result.exitCode}\n${result.stdout}${result.stderr}`);
  };
  stages.set(name, { scene, asRoot });
  await scene.home.ok(['config', 'set', 'ssh_key', user.key]);
  expect(await scene.spuff(['up', 'demo', '--no-connect'])).toMatchObject({ exitCode: 0 });
}

beforeAll(() => Promise.all(Object.keys(clouds).map(open)));
afterAll(async () => {
  await Promise.all([...stages.values()].map(({ scene }) => scene.close()));
  user.remove();
});

function instanceOf({ home }: CloudScene) {
  const store = openStateStore({ path: join(home.path, 'state.db'), readOnly: true });
  const instance = store.findInstance('demo');
  store.close();
  if (!instance) throw new Error('there is no instance demo');
  return instance;
}

/** The credentials that let spuff into the cloud. */
function credentialsOf({ env }: CloudScene): string[] {
  return Object.entries(env).flatMap(([name, value]) => (/TOKEN|SECRET/.test(name) ? [value] : []));
}

// First, because the tests after it switch it on again.
it('AWS tells a machine nothing any more once `up` is over, not even to root', async () => {
  const { scene, asRoot } = stages.get('aws') as Stage;
  const told: Told = JSON.parse(await asRoot(walkArguments({ paths: clouds.aws.starts })));
  expect(Object.values(told.answers).map(({ status }) => status)).toEqual([403, 403, 403]);
  expect(told).toMatchObject({ tokenStatus: 403, error: null });
  const { instances } = (scene.harness as AwsHarness).aws.state;
  for (const { metadata } of instances.values()) metadata.httpEndpoint = 'enabled';
});

describe.each(Object.entries(clouds))('a machine at %s', (name, { source, starts, userData, deepest }) => {
  let stage: Stage;
  beforeAll(() => {
    stage = stages.get(name) as Stage;
  });
  const askAsRoot = async (paths = starts): Promise<Told> =>
    JSON.parse(await stage.asRoot(walkArguments({ paths })));
  const askAsUser = async (): Promise<Told> => {
    const { stdout } = await stage.scene.spuff(['exec', 'demo', '--', ...walkArguments({ paths: starts })]);
    return JSON.parse(stdout);
  };

  it('has its user data from there, by cloud-init’s own way for that cloud', async () => {
    const { v1 } = JSON.parse(await stage.asRoot(['cat', '/run/cloud-init/result.json']));
    expect(v1).toEqual({ datasource: source.datasource, errors: [] });
    expect((await stage.asRoot(['cloud-id'])).trim()).toBe(source.id);
    const { answers } = await askAsRoot([userData]);
    const onDisk = await stage.asRoot(['cat', '/var/lib/cloud/instance/user-data.txt']);
    expect(answers[userData]).toEqual({ status: 200, body: onDisk });
    await expect(stage.asRoot(['ls', '/var/lib/cloud/seed/nocloud'])).rejects.toThrow(/No such file/);
  });

  it('tells root nothing that opens anything', async () => {
    const { scene, asRoot } = stage;
    const { answers } = await askAsRoot();
    expect(answers[deepest]?.status).toBe(200);
    const told = Object.values(answers)
      .map(({ body }) => body)
      .join('\n');
    const { agentToken } = instanceOf(scene);
    const hostKey = await asRoot(['cat', '/etc/ssh/ssh_host_ed25519_key']);
    const secrets = [agentToken.reveal(), ...credentialsOf(scene)].flatMap(formsOf);
    const privateHalves = [...privateLines(user.key), ...privateLinesOf(hostKey)].flatMap(formsOf);
    expect(Math.min(...[...secrets, ...privateHalves].map(({ length }) => length))).toBeGreaterThan(20);
    expect([...secrets, ...privateHalves].filter((text) => told.includes(text))).toEqual([]);
    // The search reads all of it: what the machine may know is found.
    const oneTime = oneTimeKey(answers[userData]?.body);
    const known = [hashAgentToken(agentToken), ...privateLinesOf(oneTime.ed25519_private)];
    expect(known.filter((text) => !told.includes(text))).toEqual([]);
  });

  it('is not to be asked by its user, whom the firewall alone keeps from it', async () => {
    expect(isRefused(await askAsUser())).toBe(true);
    await stage.asRoot(['nft', 'delete', 'table', 'inet', 'spuff']);
    expect((await askAsUser()).answers[userData]?.body).toContain('ssh_keys');
    await stage.asRoot(['systemctl', 'restart', 'spuff-firewall.service']);
    expect(isRefused(await askAsUser())).toBe(true);
  });

  it('is not to be mistaken for one that has the host key of its user data', async () => {
    const { scene, asRoot } = stage;
    const { answers } = await askAsRoot([userData]);
    const oneTime = oneTimeKey(answers[userData]?.body);
    const own = (await asRoot(['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])).split(' ', 2).join(' ');
    const { key } = instanceOf(scene);
    const knownHosts = readFileSync(join(scene.home.path, 'known_hosts', key), 'utf8');
    expect(oneTime.ed25519_public).not.toBe(own);
    expect(knownHosts.trim().split('\n')).toEqual([
      `spuff-${key} ${own}`,
      `@revoked spuff-${key} ${oneTime.ed25519_public}`,
    ]);
    // Whoever has read it, and stands in the machine's place.
    await asRoot(['tee', '/etc/ssh/ssh_host_ed25519_key'], oneTime.ed25519_private);
    await asRoot(['systemctl', 'restart', 'ssh.service']);
    await asRoot(['pkill', '-f', '^sshd: dev']);
    const { exitCode, stderr } = await scene.spuff(['exec', 'demo', '--', 'true']);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 9,
      stderr: expect.stringContaining('which is revoked'),
    });
  });
});

function oneTimeKey(document = ''): { ed25519_private: string; ed25519_public: string } {
  return JSON.parse(document.replace(/^#.*\n/, '')).ssh_keys;
}

it('AWS gives its answers for a token alone, and the token to the machine alone', async () => {
  const { asRoot } = stages.get('aws') as Stage;
  const ask = async (order: Parameters<typeof walkArguments>[0], before: readonly string[] = []) =>
    JSON.parse(
      await asRoot([...before, ...walkArguments({ paths: ['/latest/user-data'], ...order })]),
    ) as Told;
  expect((await ask({ withoutToken: true })).answers['/latest/user-data']?.status).toBe(401);
  expect(await ask({ headers: { 'x-aws-ec2-metadata-token': 'made up' }, withoutToken: true })).toMatchObject(
    {
      answers: { '/latest/user-data': { status: 401 } },
    },
  );
  expect((await ask({ headers: { 'x-forwarded-for': '10.0.0.9' } })).tokenStatus).toBe(403);
  // From a container on the machine, with the firewall gone: one hop more than the order allows.
  const box = `set -e
ip netns add box; ip link add out type veth peer name in; ip link set in netns box
ip addr add 10.99.0.1/24 dev out; ip link set out up
ip -n box addr add 10.99.0.2/24 dev in; ip -n box link set in up; ip -n box route add default via 10.99.0.1
nft delete table inet spuff`;
  await asRoot(['sh', '-c', box]);
  const fromBox = ['ip', 'netns', 'exec', 'box'];
  expect(await ask({}, fromBox)).toMatchObject({
    answers: {},
    error: expect.stringMatching(/closed|reset/i),
  });
  expect((await ask({ withoutToken: true }, fromBox)).answers['/latest/user-data']?.status).toBe(401);
});
