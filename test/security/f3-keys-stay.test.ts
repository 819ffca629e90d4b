/** F3: whatever logs in, no part of a private key reaches the machine, and no way to your agent but the guard. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/agent-machine.ts';
import { rootOf } from '../e2e/root-of-instance.ts';
import { makeSpuffHome, type SpuffHome } from '../e2e/spuff-process.ts';
import { formsOf, privateLines, type RootOnMachine, searchMachine } from '../machine/search-machine.ts';
import { UserHome } from './user-home.ts';

/**
 * An `ssh` before the real one, with the configuration of a user who is careless with the agent: ssh finds its own by the
 * account and not by HOME. What spuff says on the command line has to win over it.
 */
function makeCarelessSsh(user: UserHome): void {
  const config = join(user.path, 'careless');
  writeFileSync(config, 'Host *\n  ForwardAgent yes\n  AddKeysToAgent yes\n  SendEnv SSH_AUTH_SOCK\n');
  const real = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();
  writeFileSync(join(user.path, 'ssh'), `#!/bin/sh\nexec '${real}' -F '${config}' "$@"\n`);
  chmodSync(join(user.path, 'ssh'), 0o755);
  user.env['PATH'] = `${user.path}:${process.env['PATH']}`;
}

/** Every socket that sshd makes to lend an agent. Each session is told of one path, whether something is there or not. */
async function findLentAgents(machine: RootOnMachine): Promise<string[]> {
  const script = `find / -xdev -type s -path '*/ssh-*' 2>/dev/null
find /tmp /run /dev/shm -type s -name 'agent.*' 2>/dev/null
true`;
  const found = await machine.ok(['bash', '-c', script]);
  return [...new Set(found.split('\n'))].filter((line) => line !== '' && line !== '/run/spuff/agent.sock');
}

const tellAgent = ['sh', '-c', 'ssh-add -l 2>&1; true'];
const noAgent = /^Error connecting to agent: No such file or directory\n$/;
/** Not the name that the key has in the agent of the user: what answers is the guard. */
const guarded = /^256 SHA256:\S+ spuff \(ED25519\)\n$/;

/** A program on the machine that says it is there and then waits for its input to end. */
async function startWaiting(home: SpuffHome, args: readonly string[]): Promise<ChildProcess> {
  const child = home.start(args);
  child.stderr?.resume();
  for await (const text of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    if (String(text).includes('here')) return child;
  }
  throw new Error(`spuff ${args.join(' ')} ended before its program ran`);
}

async function finish(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close');
  child.stdout?.resume();
  child.stdin?.end();
  await ended;
}

const places = {
  'in a file without a passphrase': () => undefined,
  'in ssh-agent and a file': (user: UserHome) => user.startAgent(),
  'in ssh-agent alone': (user: UserHome) => {
    user.startAgent();
    for (const path of [user.key, `${user.key}.pub`]) rmSync(path);
  },
};

describe.each(Object.entries(places))('a login key %s', (_, putKey) => {
  let user: UserHome;
  let home: SpuffHome;
  let machine: RootOnMachine;
  let needles: string[];
  let publicKey: string;

  beforeAll(async () => {
    user = new UserHome();
    makeCarelessSsh(user);
    needles = privateLines(user.key).flatMap(formsOf);
    publicKey = readFileSync(`${user.key}.pub`, 'utf8').split(' ')[1] ?? '';
    putKey(user);
    home = makeSpuffHome(user.env);
    await home.ok(['up', 'demo', '--no-connect']);
    machine = await rootOf(home, 'demo');
  });
  afterAll(async () => {
    await home.remove();
    user.remove();
  });

  it('is nowhere on the machine after all that spuff does on it, and no agent but a guard is within its reach', async () => {
    expect(needles).toHaveLength(10);
    expect((await home.ok(['exec', 'demo', '--', ...tellAgent])).stdout).toMatch(noAgent);
    const lent = user.env['SSH_AUTH_SOCK'] === '' ? noAgent : guarded;
    expect((await home.ok(['ssh', 'demo', '--', ...tellAgent])).stdout).toMatch(lent);
    await home.ok(['config', 'set', 'forward_agent', 'none']);
    expect((await home.ok(['ssh', 'demo', '--', ...tellAgent])).stdout).toMatch(noAgent);
    // With options of its own it has a connection of its own.
    expect((await home.ok(['ssh', 'demo', '--', '-C', ...tellAgent])).stdout).toMatch(noAgent);
    expect((await home.ok(['ssh', 'demo'], { input: 'ssh-add -l 2>&1; exit 0\n' })).stdout).toContain(
      'No such file',
    );
    await home.ok(['cp', '/etc/hostname', 'demo:there']);
    await home.ok(['cp', 'demo:there', join(user.path, 'back')]);
    await home.ok(['status', 'demo', '--detailed']);

    const sessions = [
      await startWaiting(home, ['exec', 'demo', '--', 'sh', '-c', 'echo here; cat']),
      await startWaiting(home, ['ssh', 'demo', '--', '-C', 'sh', '-c', 'echo here; cat']),
    ];
    expect(await searchMachine(machine, needles)).toEqual([]);
    expect(await findLentAgents(machine)).toEqual([]);
    for (const session of sessions) await finish(session);
    // The search does find what is there of it.
    expect(await searchMachine(machine, [publicKey])).toContain('/home/dev/.ssh/authorized_keys');
  });

  it('would be found: in a file, in an environment, in an argument', async () => {
    const [secret = ''] = needles;
    const planted = join(user.path, 'planted');
    writeFileSync(planted, `-----BEGIN\n${secret}\n`);
    await home.ok(['cp', planted, 'demo:planted']);
    const inside = `HIDDEN=${secret}`;
    const session = await startWaiting(home, [
      'exec',
      'demo',
      '--',
      'env',
      inside,
      'sh',
      '-c',
      'echo here; cat',
    ]);
    const found = await searchMachine(machine, needles);
    await finish(session);
    await home.ok(['exec', 'demo', '--', 'rm', 'planted']);
    expect(found).toContain('/home/dev/planted');
    expect(found.filter((path) => path.endsWith('/environ'))).not.toEqual([]);
    expect(found.filter((path) => path.endsWith('/cmdline'))).not.toEqual([]);
    expect(await searchMachine(machine, needles)).toEqual([]);
  });
});

describe('an agent that is lent with forward_agent: raw', () => {
  let user: UserHome;
  let home: SpuffHome;
  beforeAll(async () => {
    user = new UserHome();
    user.startAgent();
    makeCarelessSsh(user);
    home = makeSpuffHome(user.env);
    await home.ok(['config', 'set', 'forward_agent', 'raw']);
    await home.ok(['up', 'demo', '--no-connect']);
  });
  afterAll(async () => {
    await home.remove();
    user.remove();
  });

  it('is there in a session of spuff ssh, only as long as that lasts, and gives no key away', async () => {
    const machine = await rootOf(home, 'demo');
    const needles = privateLines(user.key).flatMap(formsOf);
    expect(await findLentAgents(machine)).toEqual([]);

    const session = await startWaiting(home, ['ssh', 'demo', '--', 'sh', '-c', 'echo here; cat']);
    const lent = await findLentAgents(machine);
    const socket = lent.find((path) => path.startsWith('/tmp/ssh-')) ?? '';
    expect(lent).toEqual([socket]);
    // It works, for root as well: this is what is lent. What can be read over it is the public half.
    const listed = await machine.ok(['env', `SSH_AUTH_SOCK=${socket}`, 'ssh-add', '-L']);
    expect(listed).toBe(readFileSync(`${user.key}.pub`, 'utf8'));
    expect(await searchMachine(machine, needles)).toEqual([]);
    // What runs beside it as the same user could reach it anyway, and does by the same path. It is lent by none of them.
    expect((await home.ok(['exec', 'demo', '--', ...tellAgent])).stdout).toMatch(/ login \(ED25519\)$/m);
    await home.ok(['cp', '/etc/hostname', 'demo:there']);
    expect(await findLentAgents(machine)).toEqual(lent);

    await finish(session);
    await until(async () => (await findLentAgents(machine)).length === 0);
    expect((await home.ok(['exec', 'demo', '--', ...tellAgent])).stdout).toMatch(noAgent);
    expect(await searchMachine(machine, needles)).toEqual([]);
  });
});
