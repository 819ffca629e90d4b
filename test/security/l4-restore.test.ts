import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSpuffHome, type Result, type SpuffHome } from '../e2e/spuff-process.ts';
import { openProvider } from '../machine/lab.ts';
import { type RootOnMachine, searchMachine } from '../machine/search-machine.ts';
import { realMachines } from '../simulators/machine-backing.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

// L4: what `down --snapshot` keeps and `up --snapshot` makes a machine of is nobody's any more, and has the user's work.

/** What tells a machine from any other, each by the command that prints it. */
const identity = {
  hostKey: ['cat', '/etc/ssh/ssh_host_ed25519_key.pub'],
  token: ['cat', '/etc/spuff/agent.env'],
  instanceId: ['cat', '/var/lib/cloud/data/instance-id'],
  machineId: ['cat', '/etc/machine-id'],
} as const;

const leaveBehind = `set -e
mkdir -p /root/.ssh
cp /home/dev/.ssh/authorized_keys /home/dev/.ssh/authorized_keys2
cp /home/dev/.ssh/authorized_keys /root/.ssh/authorized_keys
echo work >/home/dev/work
chown dev:dev /home/dev/work`;
const allAuthorized = 'cat /root/.ssh/authorized_keys* /home/*/.ssh/authorized_keys* 2>/dev/null; true';

interface Scene {
  spuff(args: readonly string[], input?: string): Promise<Result>;
  close(): Promise<void>;
}

async function openLocal(): Promise<Scene> {
  const home: SpuffHome = makeSpuffHome();
  await home.ok(['init', '--yes']);
  const spuff: Scene['spuff'] = (args, input = '') => home.spuff(args, { input });
  const close = async () => {
    await home.spuff(['down', '--all', '--force']);
    await home.spuff(['snapshot', 'delete', 'kept']);
    await home.remove();
  };
  return { spuff, close };
}

async function openCloud(): Promise<Scene> {
  const scene: CloudScene = await openCloudScene('digitalocean', realMachines(openProvider()));
  return {
    spuff: (args, input = '') => scene.home.spuff(args, { input, env: scene.env }),
    close: () => scene.close(),
  };
}

describe.each([
  ['local', openLocal],
  ['digitalocean', openCloud],
] as const)('a machine restored at %s', (_name, open) => {
  let scene: Scene;
  let folder: string;
  const ok = async (args: readonly string[], input = '') => {
    const result = await scene.spuff(args, input);
    expect(result, `${args.join(' ')}: ${result.stderr}`).toMatchObject({ exitCode: 0 });
    return result.stdout;
  };
  const rootOn = (name: string): RootOnMachine => ({
    ok: (argv, options = {}) => ok(['exec', name, '--', 'sudo', '-n', ...argv], options.stdin),
  });
  const identify = async (root: RootOnMachine) => {
    const told = Object.entries(identity).map(async ([what, argv]) => [what, await root.ok(argv)]);
    return Object.fromEntries(await Promise.all(told)) as Record<keyof typeof identity, string>;
  };
  const logInWith = async (key: string): Promise<string> => {
    const path = join(folder, key);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
    await ok(['config', 'set', 'ssh_key', `${path}.pub`]);
    return readFileSync(`${path}.pub`, 'utf8').split(' ')[1] ?? '';
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spuff-l4-'));
    scene = await open();
  });
  afterAll(async () => {
    await scene.close();
    rmSync(folder, { recursive: true });
  });

  it('is another one, lets nobody of before in, and has kept the work', async () => {
    const formerKey = await logInWith('former');
    await ok(['up', 'first', '--no-connect']);
    const first = rootOn('first');
    await first.ok(['sh', '-c', leaveBehind]);
    expect(await first.ok(['sh', '-c', allAuthorized])).toContain(formerKey);
    const former = await identify(first);
    const privateKey = await first.ok(['cat', '/etc/ssh/ssh_host_ed25519_key']);
    // The last line may be short enough to be found by chance.
    const needles = [...privateKey.split('\n').slice(3, -3), former.token.trim().split('=')[1] ?? ''];
    const kept = await searchMachine(first, needles);
    expect(kept).toEqual(expect.arrayContaining(['/etc/spuff/agent.env', '/etc/ssh/ssh_host_ed25519_key']));
    // cloud-init keeps the user data of every instance that it has seen.
    expect(kept.some((path) => path.startsWith('/var/lib/cloud/instances/'))).toBe(true);
    await ok(['down', 'first', '--snapshot=kept']);

    const heirKey = await logInWith('heir');
    await ok(['up', 'second', '--snapshot', 'kept', '--no-connect']);
    const second = rootOn('second');
    const heir = await identify(second);
    for (const what of ['hostKey', 'token', 'instanceId', 'machineId'] as const)
      expect({ what, value: heir[what] }).not.toEqual({ what, value: former[what] });
    const authorized = await second.ok(['sh', '-c', allAuthorized]);
    expect(authorized.match(/AAAA\S+/g)).toEqual([heirKey]);
    expect(await searchMachine(second, needles)).toEqual([]);
    expect(await ok(['exec', 'second', '--', 'cat', 'work'])).toBe('work\n');
    expect(await ok(['agent', 'status', 'second'])).toMatch(/problems +none/);
  });
});
