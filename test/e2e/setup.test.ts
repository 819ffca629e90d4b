/** What a project asks of its machine, by the built CLI on a real machine, with packages of Debian's own and a forge. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { type LoopbackMachine, startLoopbackMachine } from '../loopback/machine.ts';
import type { RootOnMachine } from '../machine/search-machine.ts';
import { UserHome } from '../security/user-home.ts';
import { rootOf } from './root-of-instance.ts';
import { makeSpuffHome, type Result, type SpuffHome } from './spuff-process.ts';

interface Status {
  state: string;
  detail: string | null;
  parts: { kind: string; name: string; state: string; detail: string | null; items: { name: string }[] }[];
}

let user: UserHome;
let home: SpuffHome;
let project: string;
let machine: RootOnMachine;
let forge: LoopbackMachine | undefined;

const spuff = (args: readonly string[], env: Record<string, string> = {}) =>
  home.spuff(args, { cwd: project, env });
const onMachine = async (...argv: string[]) => (await spuff(['exec', '--', ...argv])).stdout;
const writeProject = (content: object) =>
  writeFileSync(join(project, 'spuff.yaml'), JSON.stringify({ version: '1', name: 'shop', ...content }));

async function setUp(content: object, args: readonly string[] = []): Promise<Result & { status: Status }> {
  writeProject(content);
  const result = await spuff(['setup', '--json', ...args]);
  return { ...result, status: statusOf(result) };
}

function statusOf({ stdout, stderr }: Result): Status {
  if (stdout === '') throw new Error(stderr);
  return (JSON.parse(stdout) as { setup: Status }).setup;
}

const stateOf = ({ parts }: Status, kind: string, name = kind) =>
  parts.find((part) => part.kind === kind && part.name === name)?.state;

beforeAll(async () => {
  user = new UserHome();
  user.startAgent();
  home = makeSpuffHome(user.env);
  project = join(user.path, 'shop');
  mkdirSync(project);
});
afterAll(async () => {
  await home.remove();
  await forge?.remove();
  user.remove();
});

const base = {
  packages: ['tree', 'no-such-package-of-spuff', 'bc'],
  env: { GREETING: "it's $$5", SHOP_PASSWORD: 'canary-of-the-shop' },
};
const commands = [
  'echo ran >>~/ran; echo begins; echo "$SHOP_PASSWORD"',
  'test -e ~/ready',
  'echo last >>~/ran',
];

describe('up in a project', () => {
  it('says which package there is none of, brings the others, and keeps the machine', async () => {
    writeProject({ ...base, setup: commands });
    const up = await spuff(['up', '--no-connect']);
    expect(up.stderr).toContain('no-such-package-of-spuff: there is no such package');
    expect(up.stderr).toContain('error: shop is there, but not set up: packages failed');
    expect(up.stderr).toContain('hint: go on where it stands: spuff setup shop');
    expect(up.exitCode).toBe(17);
    machine = await rootOf(home, 'shop');
    const there = await onMachine('dpkg-query', '-W', '-f', '${Package} ${Status}\\n', 'tree', 'bc');
    expect(there).toBe('bc install ok installed\ntree install ok installed\n');
    // What stands on the packages was not tried.
    expect(await onMachine('cat', '/home/dev/ran')).toBe('');
  });
});

describe('setup', () => {
  it('stops at the first command that fails, and goes on there the next time', async () => {
    const content = { ...base, packages: ['tree', 'bc'], setup: commands };
    const first = await setUp(content);
    expect(first.exitCode).toBe(17);
    expect(first.stderr).toContain('setup command 2 failed');
    const scripts = ['001', '002', '003'];
    expect(scripts.map((name) => stateOf(first.status, 'script', name))).toEqual([
      'done',
      'failed',
      'skipped',
    ]);
    await onMachine('touch', '/home/dev/ready');
    const second = await setUp(content);
    expect(second).toMatchObject({ exitCode: 0, status: { state: 'done' } });
    expect(await onMachine('cat', '/home/dev/ran')).toBe('ran\nlast\n');
  });

  it('keeps the values of variables out of its logs, which the options of logs find', async () => {
    const { stdout } = await spuff(['logs', '--script', '1']);
    expect(stdout).toContain('begins\n[redacted]\n');
    expect(stdout).not.toContain('canary-of-the-shop');
    expect((await spuff(['logs', '--packages'])).stdout).toContain('Setting up tree');
    expect((await spuff(['logs', '--setup'])).stdout).toContain('setup command 2: failed');
  });

  it('gives variables to sessions, commands and tmux of the login user, and to nobody else', async () => {
    expect(await onMachine('printenv', 'GREETING')).toBe("it's $5\n");
    expect((await spuff(['ssh', '--', 'printenv', 'GREETING'])).stdout).toBe("it's $5\n");
    expect((await spuff(['exec', '-t', '--', 'bash', '-ic', 'echo "[$GREETING]"'])).stdout).toContain(
      "[it's $5]",
    );
    await onMachine('tmux', 'new-session', '-d', 'printenv GREETING >/tmp/tmux.txt');
    await expect.poll(() => onMachine('cat', '/tmp/tmux.txt')).toBe("it's $5\n");
    await expect(machine.ok(['bash', '-lc', 'printenv GREETING'])).rejects.toThrow();
    await machine.ok(['useradd', '-m', '-s', '/bin/bash', 'other']);
    await expect(machine.ok(['su', '-', 'other', '-c', 'printenv GREETING'])).rejects.toThrow();
    await expect(machine.ok(['su', 'other', '-c', 'cat /run/spuff/env/session.sh'])).rejects.toThrow(
      'denied',
    );
    // A shell below one that has them keeps what was changed there.
    expect(await onMachine('bash', '-c', 'GREETING=mine bash -ic "printenv GREETING"')).toContain('mine');
  });

  it('repeats what is done when told to, and only the parts that are named', async () => {
    const content = { ...base, packages: ['tree', 'bc', 'no-such-package-of-spuff'], setup: commands };
    const again = await setUp(content, ['--only', 'scripts', '--again']);
    expect(again).toMatchObject({ exitCode: 0, status: { state: 'done' } });
    expect(stateOf(again.status, 'packages')).toBe('skipped');
    expect(await onMachine('cat', '/home/dev/ran')).toBe('ran\nlast\nran\nlast\n');
  });

  it('leaves a machine that counts as in use while it runs, on which a lost connection and Ctrl-C change nothing', async () => {
    await onMachine('rm', '-f', '/tmp/go');
    writeProject({ setup: ['until [ -e /tmp/go ]; do sleep 0.2; done; echo went >>~/ran'] });
    const watching = spawnSetup();
    await watching.sees('setup command 1');
    const activity = JSON.parse((await spuff(['agent', 'activity', '--json'])).stdout) as {
      activity: { idle: { keptOnBy: string[] } };
    };
    expect(activity.activity.idle.keptOnBy).toContain('the project is being set up');
    // All that the user has on the machine by way of SSH.
    await machine.ok(['sh', '-c', 'kill $(pgrep -u dev -x sshd)']);
    await watching.sees('is reached again');
    watching.interrupt();
    expect(await watching.end()).toBe(130);
    expect(watching.said()).toContain('the setup goes on on shop');
    const joined = spawnSetup();
    await joined.sees('a setup is at work on shop already');
    await onMachine('touch', '/tmp/go');
    expect(await joined.end()).toBe(0);
    expect(await onMachine('tail', '-n', '1', '/home/dev/ran')).toBe('went\n');
  });

  it('is ended by --stop, with all that it has started', async () => {
    writeProject({ setup: ['sleep 4711'] });
    const watching = spawnSetup();
    await watching.sees('setup command 1');
    expect((await spuff(['setup', '--stop'])).stdout).toContain('is ended');
    expect(await watching.end()).toBe(17);
    expect(watching.said()).toContain('setup command 1 FAILED');
    await expect(machine.ok(['pgrep', '-fx', 'sleep 4711'])).rejects.toThrow();
    expect((await spuff(['setup', '--stop'])).stdout).toContain('no setup is at work');
  });

  it('that is killed is said to be cut off, and can be gone on with', async () => {
    const watching = spawnSetup();
    await watching.sees('setup command 1');
    await machine.ok(['systemctl', 'kill', '--signal=SIGKILL', 'spuff-setup.service']);
    expect(await watching.end()).toBe(17);
    expect(watching.said()).toContain('setup command 1 FAILED');
    expect((await spuff(['status', '--detailed'])).stdout).toContain('cut off: its process was killed');
    expect(await setUp({ setup: ['true'] })).toMatchObject({ exitCode: 0 });
  });
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
    await home.ok(['guard', 'allow', name, '--host-key', started.hostPublicKey().trim()]);
  });

  it('say what to do where nobody lends an ssh-agent', async () => {
    writeProject({ repositories: [`${url}/app.git`] });
    const { exitCode, stderr } = await spuff(['setup'], { SSH_AUTH_SOCK: '' });
    expect(exitCode).toBe(17);
    expect(stderr).toContain('no session lends an ssh-agent: run "spuff setup"');
  });

  it('are cloned with the keys that the session lends, and put in place over nothing', async () => {
    await onMachine('sh', '-c', 'echo mine >~/.vimrc');
    const content = {
      repositories: [{ url: `${url}/app.git`, path: 'src/app', branch: 'main' }],
      dotfiles: `${url}/dotfiles.git`,
    };
    const { exitCode, status, stderr } = await setUp(content);
    expect(stderr).not.toContain('error:');
    expect(exitCode).toBe(0);
    expect(await onMachine('cat', '/home/dev/src/app/README')).toBe('app\n');
    expect(status.parts.find(({ kind }) => kind === 'dotfiles')?.detail).toBe(
      '1 linked; already there, and left: .vimrc',
    );
    expect(await onMachine('cat', '/home/dev/.vimrc', '/home/dev/.toolrc')).toBe('mine\ntool\n');
    expect(await machine.ok(['sh', '-c', 'ls -A /run/spuff/ssh'])).toBe('');
  });

  async function startForge(host: string): Promise<LoopbackMachine> {
    const key = makeHostKey('forge');
    const started = await startLoopbackMachine({
      host,
      hostKey: { publicKey: key.publicKey, privateKey: key.privateKey.reveal() },
      authorizedKeys: [readFileSync(`${user.key}.pub`, 'utf8').trim()],
      otherUsers: [{ name: 'git', shell: '/usr/bin/git-shell' }],
    });
    makeRepository(started.path('/home/git/app.git'), { README: 'app\n' });
    makeRepository(started.path('/home/git/dotfiles.git'), { '.vimrc': 'theirs\n', '.toolrc': 'tool\n' });
    const owner = started.uidOf('git');
    execFileSync('chown', ['-R', `${owner}:${owner}`, started.path('/home/git')]);
    return started;
  }

  function makeRepository(bare: string, files: Record<string, string>): void {
    const work = join(user.path, `work-${bare.split('/').at(-1)}`);
    mkdirSync(work);
    const git = (...args: string[]) => execFileSync('git', ['-C', work, ...args], { stdio: 'pipe' });
    git('init', '-q', '-b', 'main');
    for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-q', '-m', 'first');
    execFileSync('git', ['clone', '-q', '--bare', work, bare]);
  }
});

describe('services', () => {
  it('are started by the command of the Compose that the machine has, with the variables of the project', async () => {
    const standIn = `#!/bin/sh\necho "$(id -un) $PWD $SHOP_PASSWORD: $*" >>/srv/docker.txt\n`;
    await machine.ok(['install', '-m', '0755', '/dev/stdin', '/usr/local/bin/docker'], { stdin: standIn });
    await machine.ok(['install', '-m', '0666', '/dev/null', '/srv/docker.txt']);
    const content = { ...base, packages: [], services: { enabled: true, profiles: ['dev'] } };
    const missing = await setUp(content);
    expect(missing.stderr).toContain('services failed');
    expect(missing.status.parts.find(({ kind }) => kind === 'services')?.detail).toContain(
      'is not in /home/dev/shop on the machine',
    );
    const file = missing.status.parts.find(({ kind }) => kind === 'services')?.detail?.split(' ')[0] ?? '';
    await onMachine('sh', '-c', `mkdir -p ~/shop && touch ~/shop/${file}`);
    expect(await setUp(content)).toMatchObject({ exitCode: 0 });
    expect((await machine.ok(['tail', '-n', '1', '/srv/docker.txt'])).trim()).toBe(
      `dev /home/dev/shop canary-of-the-shop: compose -f ${file} --profile dev up -d`,
    );
  });
});

describe('hooks', () => {
  it('run last, and before the machine goes', async () => {
    const hooks = { post_up: 'echo up >>~/hooks', pre_down: ['echo down >>~/hooks; pwd >>~/hooks'] };
    expect(await setUp({ setup: ['echo script >>~/hooks'], hooks })).toMatchObject({ exitCode: 0 });
    await machine.ok(['systemctl', 'start', 'spuff-pre-down.service']);
    expect(await onMachine('cat', '/home/dev/hooks')).toBe('script\nup\ndown\n/home/dev/shop\n');
    expect(await setUp({ setup: ['echo script >>~/hooks'] })).toMatchObject({ exitCode: 0 });
    await expect(machine.ok(['cat', '/etc/spuff/pre-down'])).rejects.toThrow();
  });
});

/** `spuff setup` in a process of its own, which is watched while it runs. */
function spawnSetup() {
  const child = home.start(['setup', 'shop']);
  const closed = once(child, 'close') as Promise<[number | null]>;
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said += String(chunk);
    });
  child.stdin?.end();
  return {
    said: () => said,
    sees: async (text: string) => expect.poll(() => said, { timeout: 60_000 }).toContain(text),
    interrupt: () => void child.kill('SIGINT'),
    end: async () => (await closed)[0],
  };
}
