/** The one path of the SSH agents that sessions lend, and the forges that a machine knows, on a real machine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forwardedAgentFolder, forwardedAgentPath, sshrcLine } from '../../src/bootstrap/forwarded-agent.ts';
import { knownHostsPath } from '../../src/bootstrap/known-hosts.ts';
import { runProcess } from '../../src/lib/process.ts';
import { AgentMachine, until } from './agent-machine.ts';
import { type BootMachine, BootScene } from './boot-machine.ts';
import { AgentLender, type LentAgent } from './lent-agent.ts';

const scene = new BootScene();
let agentMachine: AgentMachine;
let machine: BootMachine;
let lender: AgentLender;
let first: LentAgent;
let second: LentAgent;

beforeAll(async () => {
  const login = await scene.makeLoginKey('login');
  agentMachine = await AgentMachine.start(scene, login);
  agentMachine.closeTunnel();
  ({ machine } = agentMachine);
  lender = new AgentLender(scene, login);
  [first, second] = await Promise.all([lender.startAgent('first'), lender.startAgent('second')]);
});
afterAll(async () => {
  lender?.remove();
  await scene.remove();
});

const onMachine = async (command: string) => (await machine.ssh('dev', [command])).stdout;
const listed = () => onMachine('ssh-add -l');
const linkTarget = async () => (await machine.run(['readlink', forwardedAgentPath])).stdout;
const untilLeads = (agent: LentAgent) => until(async () => (await listed()).includes(agent.comment));
const untilGone = () => until(async () => (await linkTarget()) === '');

describe('SSH_AUTH_SOCK', () => {
  it('is the same for each session, and nothing is there until one lends an agent', async () => {
    expect(await onMachine('echo $SSH_AUTH_SOCK')).toBe(`${forwardedAgentPath}\n`);
    expect(await onMachine("bash -lc 'echo $SSH_AUTH_SOCK'")).toBe(`${forwardedAgentPath}\n`);
    expect(await machine.ok(['stat', '-c', '%U %a', forwardedAgentFolder])).toBe('dev 700\n');
    expect(await linkTarget()).toBe('');
    // It looks around for a second when it is started.
    await until(
      async () =>
        (await machine.run(['systemctl', 'is-active', 'spuff-forwarded-agent.service'])).stdout ===
        'inactive\n',
    );
  });

  it('leads to the newest agent, and back to the one before when that is gone', async () => {
    const older = await lender.lend(machine, first);
    expect(await listed()).toContain(first.comment);
    const newer = await lender.lend(machine, second);
    expect(await listed()).toContain(second.comment);
    const target = await linkTarget();
    expect(await onMachine('true')).toBe('');
    expect(await linkTarget()).toBe(target);
    await newer.end();
    await untilLeads(first);
    await older.end();
    await untilGone();
  });

  it('stays where it is while an older session ends', async () => {
    const older = await lender.lend(machine, first);
    const newer = await lender.lend(machine, second);
    const target = await linkTarget();
    await older.end();
    expect(await linkTarget()).toBe(target);
    expect(await listed()).toContain(second.comment);
    await newer.end();
    await untilGone();
  });

  it('serves what outlives its session with the agent of the next one', async () => {
    const loop = 'while sleep 0.2; do ssh-add -l; done >~/seen 2>&1';
    const session = await lender.lend(machine, first, `setsid sh -c '${loop}' </dev/null >/dev/null 2>&1 &`);
    const seen = () => machine.ok(['tail', '-n', '1', '/home/dev/seen']);
    await until(async () => (await seen()).includes(first.comment));
    await session.end();
    await until(async () => (await seen()).includes('Error connecting to agent'));
    const next = await lender.lend(machine, second);
    await until(async () => !(await seen()).includes('Error'));
    expect(await seen()).toContain(second.comment);
    await next.end();
    await machine.ok(['pkill', '-u', 'dev', '-f', 'while sleep']);
    await untilGone();
  });

  it('finds the sockets of OpenSSH 10.1 as well, which are in the home', async () => {
    const path = '/home/dev/.ssh/agent/s.a1.sshd.b2';
    const listen = `import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("${path}"); s.listen(); time.sleep(1000)`;
    const start = `mkdir -p ~/.ssh/agent; setsid python3 -c '${listen}' </dev/null >/dev/null 2>&1 & until [ -S ${path} ]; do sleep 0.1; done`;
    await onMachine(start);
    await onMachine('true');
    expect(await linkTarget()).toBe(`${path}\n`);
    await machine.ok(['pkill', '-KILL', '-u', 'dev', 'python3']);
    await untilGone();
    await until(async () => (await machine.run(['test', '-e', path])).exitCode === 1);
  });

  it('is seen to without a word in the session: programs, scp and sftp get their bytes', async () => {
    const options = lender.options(first);
    const env = { SSH_AUTH_SOCK: first.socketPath };
    const file = join(scene.folder, 'bytes');
    writeFileSync(file, Buffer.alloc(100_000, 'spuff\0\n'));
    const target = `dev@${machine.address}`;
    expect(await runProcess(['ssh', ...options, target, 'cat'], { stdin: 'in\n', env })).toMatchObject({
      exitCode: 0,
      stdout: 'in\n',
      stderr: '',
    });
    for (const protocol of ['-s', '-O']) {
      const argv = ['scp', protocol, ...options, file, `${target}:copy`];
      expect(await runProcess(argv, { env })).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    }
    const back = `${file}.back`;
    const sftp = await runProcess(['sftp', '-q', '-b', '-', ...options, target], {
      stdin: `get copy ${back}\n`,
      env,
    });
    expect(sftp).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await runProcess(['cmp', file, back])).exitCode).toBe(0);
    await untilGone();
  });
});

describe('an installation', () => {
  it('keeps what somebody has put into sshrc and known_hosts', async () => {
    await machine.ok(['sh', '-c', `echo ': mine' >/etc/ssh/sshrc; echo '# mine' >${knownHostsPath}`]);
    for (const _ of [1, 2]) {
      await agentMachine.install();
      expect(await machine.ok(['cat', '/etc/ssh/sshrc'])).toBe(`${sshrcLine}\n: mine\n`);
      expect(await machine.ok(['cat', knownHostsPath])).toBe('# mine\n');
    }
  });

  it('makes the machine know the hosts that it is given, and believe nobody else in their place', async () => {
    const [type, blob] = (await machine.ok(['cat', '/etc/ssh/ssh_host_ed25519_key.pub'])).split(' ');
    await machine.ok(['rm', knownHostsPath]);
    await agentMachine.install({
      knownHosts: [`forge.test ${type} ${blob}`, `github.com ssh-ed25519 ${other}`],
    });
    await machine.ok(['sh', '-c', 'echo 127.0.0.1 forge.test github.com unknown.test >>/etc/hosts']);
    const logIn = async (host: string) =>
      (await machine.ssh('dev', [`ssh -o BatchMode=yes git@${host} 2>&1; rm -f ~/.ssh/known_hosts`])).stdout;
    expect(await logIn('forge.test')).toContain('Permission denied (publickey)');
    expect(await logIn('unknown.test')).toContain('Host key verification failed');
    const impostor = await logIn('github.com');
    expect(impostor).toContain('Host key verification failed');
    expect(impostor).toContain(knownHostsPath);
  });
});

const other = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
