/** F2 as its user has it: the built CLI, a real machine with systemd, a real forge beside it, and root on the machine. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { rootOf } from '../e2e/root-of-instance.ts';
import { makeSpuffHome, type SpuffHome } from '../e2e/spuff-process.ts';
import { type LoopbackMachine, startLoopbackMachine } from '../loopback/machine.ts';
import type { RootOnMachine } from '../machine/search-machine.ts';
import { UserHome } from './user-home.ts';

let user: UserHome;
let home: SpuffHome;
let machine: RootOnMachine;
let forge: LoopbackMachine;
/** As known_hosts and the policy write it. */
let forgeName: string;
let repository: string;

beforeAll(async () => {
  user = new UserHome();
  user.startAgent();
  home = makeSpuffHome(user.env);
  await home.ok(['up', 'demo', '--no-connect']);
  machine = await rootOf(home, 'demo');
  // This computer as the machine sees it.
  const gateway =
    /default via (\S+)/.exec(await machine.ok(['ip', '-4', 'route', 'show', 'default']))?.[1] ?? '';
  forge = await startForge(gateway);
  forgeName = `[${gateway}]:${forge.port}`;
  repository = `ssh://git@${gateway}:${forge.port}/~/repo.git`;
  await believeForge(machine);
});
afterAll(async () => {
  await home.remove();
  await forge.remove();
  user.remove();
});

async function startForge(host: string): Promise<LoopbackMachine> {
  const key = makeHostKey('forge');
  const started = await startLoopbackMachine({
    host,
    hostKey: { publicKey: key.publicKey, privateKey: key.privateKey.reveal() },
    authorizedKeys: [readFileSync(`${user.key}.pub`, 'utf8').trim()],
    otherUsers: [{ name: 'git', shell: '/usr/bin/git-shell' }],
  });
  const bare = started.path('/home/git/repo.git');
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', bare]);
  const owner = started.uidOf('git');
  execFileSync('chown', ['-R', `${owner}:${owner}`, bare]);
  return started;
}

/** Root's file: the one of spuff stays as it is. */
async function believeForge(on: RootOnMachine): Promise<void> {
  await on.ok(['tee', '/etc/ssh/ssh_known_hosts'], { stdin: `${forgeName} ${forge.hostPublicKey()}\n` });
}

const listRemote = () => ['git', 'ls-remote', repository];
const onAgent = (...argv: string[]) => ['env', 'SSH_AUTH_SOCK=/run/spuff/ssh/agent.sock', ...argv];

/** A session that stays open; what spuff says in it is gathered. */
async function openSession(): Promise<{ child: ChildProcess; said: () => string; end: () => Promise<void> }> {
  const child = home.start(['ssh', 'demo', '--', 'sh', '-c', 'echo here; cat']);
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += String(chunk);
  });
  for await (const text of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    if (String(text).includes('here')) break;
  }
  const end = async () => {
    const closed = once(child, 'close');
    child.stdout?.resume();
    child.stdin?.end();
    await closed;
  };
  return { child, said: () => said, end };
}

describe('the guard', () => {
  it('refuses a host, says which command allows it, and lets git go there after that command', async () => {
    const refused = await home.spuff(['exec', '-A', 'demo', '--', ...listRemote()]);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(
      /^spuff: refused a signature: demo asked to log in to SHA256:\S+ as git, but the host/m,
    );
    const command = /^spuff: to allow it: spuff (guard allow HOST --host-key SHA256:\S+)$/m.exec(
      refused.stderr,
    )?.[1];
    const words = (command ?? '').replace('HOST', forgeName).split(' ');
    await home.ok(words);
    await home.ok(['exec', '-A', 'demo', '--', ...listRemote()]);
    await home.ok(['ssh', 'demo', '--', ...listRemote()]);
    // Without -A nothing is lent.
    expect((await home.spuff(['exec', 'demo', '--', ...listRemote()])).exitCode).not.toBe(0);
  });

  it('gives root on the machine no more than that, while a session is open', async () => {
    const session = await openSession();
    await machine.ok(onAgent('git', 'ls-remote', repository));
    expect(await machine.ok(onAgent('ssh-add', '-L'))).not.toContain('login');
    await expect(machine.ok(onAgent('ssh-add', '-D'))).rejects.toThrow('Failed to remove all identities');
    const port = String(forge.port);
    const elsewhere = ['ssh', '-p', port, `dev@${forge.host}`, 'true'];
    await expect(machine.ok(onAgent(...elsewhere))).rejects.toThrow(/agent refused operation/);
    await expect.poll(session.said).toContain(`to allow it: spuff guard allow '${forgeName}' --user dev`);
    expect(
      execFileSync('ssh-add', ['-L'], { env: { ...process.env, ...user.env }, encoding: 'utf8' }),
    ).toContain('login');
    await session.end();
    await expect(machine.ok(onAgent('ssh-add', '-L'))).rejects.toThrow();
  });

  it('stops at once when it is revoked, and the session goes on', async () => {
    const session = await openSession();
    await machine.ok(onAgent('git', 'ls-remote', repository));
    await home.ok(['guard', 'revoke', 'demo']);
    await expect(machine.ok(onAgent('git', 'ls-remote', repository))).rejects.toThrow();
    expect(session.child.exitCode).toBe(null);
    await session.end();
    const log = (await home.ok(['guard', 'log', 'demo'])).stdout;
    expect(log).toContain('signed');
    expect(log).toContain('refused');
  });

  it('lets up clone a repository to a machine that has just been made', async () => {
    const up = home.spuff(['up', 'second', '--no-connect', '--clone', repository]);
    // As soon as there is a machine, it is told of the forge, as an image of one's own would be.
    for (let tries = 0; tries < 200; tries++) {
      const told = await rootOf(home, 'second')
        .then(believeForge)
        .then(
          () => true,
          () => false,
        );
      if (told) break;
      await delay(50);
    }
    expect(await up).toMatchObject({ exitCode: 0 });
    await home.ok(['exec', 'second', '--', 'test', '-d', 'repo/.git']);
  });

  it('is not there without an ssh-agent, which is said, and the session works', async () => {
    const env = { SSH_AUTH_SOCK: '' };
    const session = await home.spuff(['exec', '-A', 'demo', '--', 'echo', 'works'], { env });
    expect(session).toMatchObject({ exitCode: 0, stdout: 'works\n' });
    expect(session.stderr).toContain('no ssh-agent runs here');
  });
});
