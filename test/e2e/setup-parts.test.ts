/** The parts of a setup on a real machine: a forge beside it, bundles of Debian, a stand-in for docker, a snapshot. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { type LoopbackMachine, startLoopbackMachine } from '../loopback/machine.ts';
import type { RootOnMachine } from '../machine/search-machine.ts';
import { ProjectScene, partOf } from './project-scene.ts';
import { rootOf } from './root-of-instance.ts';

let scene: ProjectScene;
let machine: RootOnMachine;
let forge: LoopbackMachine | undefined;

beforeAll(async () => {
  scene = new ProjectScene();
  await scene.home.ok(['up', 'shop', '--no-connect'], { cwd: scene.folder });
  machine = await rootOf(scene.home, 'shop');
});
afterAll(async () => {
  await forge?.remove();
  await scene.remove();
});

describe('repositories and dotfiles', () => {
  let url: string;
  beforeAll(async () => {
    const route = await machine.ok(['ip', '-4', 'route', 'show', 'default']);
    const gateway = /default via (\S+)/.exec(route)?.[1] ?? '';
    const started = await startForge(gateway);
    forge = started;
    url = `ssh://git@${gateway}:${started.port}/~`;
    const name = `[${gateway}]:${started.port}`;
    await machine.ok(['tee', '/etc/ssh/ssh_known_hosts'], { stdin: `${name} ${started.hostPublicKey()}\n` });
    await scene.home.ok(['guard', 'allow', name, '--host-key', started.hostPublicKey().trim()]);
  });

  it('say what to do where nobody lends an ssh-agent', async () => {
    scene.write({ repositories: [`${url}/app.git`] });
    const { exitCode, stderr } = await scene.spuff(['setup'], { SSH_AUTH_SOCK: '' });
    expect(exitCode).toBe(17);
    expect(stderr).toContain('no session lends an ssh-agent: run "spuff setup"');
  });

  it('are cloned with the keys that the session lends, and put in place over nothing', async () => {
    await scene.onMachine('sh', '-c', 'echo mine >~/.vimrc');
    const content = {
      repositories: [{ url: `${url}/app.git`, path: 'src/app', branch: 'main' }],
      dotfiles: `${url}/dotfiles.git`,
    };
    const { exitCode, report, stderr } = await scene.setUp(content);
    expect(stderr).not.toContain('error:');
    expect(exitCode).toBe(0);
    expect(await scene.onMachine('cat', '/home/dev/src/app/README')).toBe('app\n');
    expect(partOf(report, 'dotfiles')?.detail).toBe('1 linked; already there, and left: .vimrc');
    expect(await scene.onMachine('cat', '/home/dev/.vimrc', '/home/dev/.toolrc')).toBe('mine\ntool\n');
    expect(await machine.ok(['sh', '-c', 'ls -A /run/spuff/ssh'])).toBe('');
  });

  async function startForge(host: string): Promise<LoopbackMachine> {
    const key = makeHostKey('forge');
    const started = await startLoopbackMachine({
      host,
      hostKey: { publicKey: key.publicKey, privateKey: key.privateKey.reveal() },
      authorizedKeys: [readFileSync(`${scene.user.key}.pub`, 'utf8').trim()],
      otherUsers: [{ name: 'git', shell: '/usr/bin/git-shell' }],
    });
    scene.makeRepository(started.path('/home/git/app.git'), { README: 'app\n' });
    scene.makeRepository(started.path('/home/git/dotfiles.git'), {
      '.vimrc': 'theirs\n',
      '.toolrc': 'tool\n',
    });
    const owner = started.uidOf('git');
    execFileSync('chown', ['-R', `${owner}:${owner}`, started.path('/home/git')]);
    return started;
  }
});

describe('services', () => {
  it('are started by the command of the Compose that the machine has, with the variables of the project', async () => {
    const standIn = `#!/bin/sh\necho "$(id -un) $PWD $SHOP_PASSWORD: $*" >>/srv/docker.txt\n`;
    await machine.ok(['install', '-m', '0755', '/dev/stdin', '/usr/local/bin/docker'], { stdin: standIn });
    await machine.ok(['install', '-m', '0666', '/dev/null', '/srv/docker.txt']);
    const content = {
      env: { SHOP_PASSWORD: 'canary-of-the-shop' },
      services: { enabled: true, profiles: ['dev'] },
    };
    const missing = await scene.setUp(content);
    expect(missing.stderr).toContain('services failed');
    expect(partOf(missing.report, 'services')?.detail).toContain('is not in /home/dev/shop on the machine');
    const file = partOf(missing.report, 'services')?.detail?.split(' ')[0] ?? '';
    await scene.onMachine('sh', '-c', `mkdir -p ~/shop && touch ~/shop/${file}`);
    expect(await scene.setUp(content)).toMatchObject({ exitCode: 0 });
    expect((await machine.ok(['tail', '-n', '1', '/srv/docker.txt'])).trim()).toBe(
      `dev /home/dev/shop canary-of-the-shop: compose -f ${file} --profile dev up -d`,
    );
  });
});

describe('hooks', () => {
  it('run last, and before the machine goes', async () => {
    const hooks = { post_up: 'echo up >>~/hooks', pre_down: ['echo down >>~/hooks; pwd >>~/hooks'] };
    expect(await scene.setUp({ setup: ['echo script >>~/hooks'], hooks })).toMatchObject({ exitCode: 0 });
    await machine.ok(['systemctl', 'start', 'spuff-pre-down.service']);
    expect(await scene.onMachine('cat', '/home/dev/hooks')).toBe('script\nup\ndown\n/home/dev/shop\n');
    expect(await scene.setUp({ setup: ['echo script >>~/hooks'] })).toMatchObject({ exitCode: 0 });
    await expect(machine.ok(['cat', '/etc/spuff/pre-down'])).rejects.toThrow();
  });
});

describe('bundles', () => {
  it('come from Debian with all tools that they need, whose versions the status tells', async () => {
    const { exitCode, report } = await scene.setUp({ bundles: ['ruby'] });
    const part = partOf(report, 'bundle');
    expect({ exitCode, state: part?.state, detail: part?.detail }).toMatchObject({
      exitCode: 0,
      state: 'done',
    });
    const ruby = part?.items.find(({ name }) => name === 'ruby');
    expect(ruby).toMatchObject({ state: 'done', detail: expect.stringMatching(/^3\.1\./) });
    expect((await scene.spuff(['logs', '--bundle', 'ruby'])).stdout).toContain('ruby 3.1');
  });
});

describe('a machine from a snapshot', () => {
  it('has what lies on its disk, and what does not is done anew', async () => {
    const content = { packages: ['tree'], setup: ['echo once >>~/once'], hooks: { pre_down: 'true' } };
    expect(await scene.setUp(content)).toMatchObject({ exitCode: 0 });
    const snapshot = `before-${process.pid}`;
    await scene.home.ok(['snapshot', 'create', 'shop', '--as', snapshot]);
    await scene.home.ok(['up', 'second', '--snapshot', snapshot, '--no-connect'], { cwd: scene.folder });
    const second = await rootOf(scene.home, 'second');
    expect(await second.ok(['cat', '/home/dev/once'])).toBe('once\n');
    expect(await second.ok(['cat', '/etc/spuff/pre-down'])).toContain('true\n');
    // Of what the former machine printed nothing is left.
    await expect(second.ok(['ls', '/var/log/spuff-setup/scripts'])).rejects.toThrow('No such file');
    await scene.home.ok(['down', 'second', '--force']);
    await scene.home.ok(['snapshot', 'delete', snapshot]);
  });
});
