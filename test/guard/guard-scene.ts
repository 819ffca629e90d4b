/**
 * A user with an ssh-agent, a machine that it is lent to, and two hosts that trust all of the user's keys: `forge`, which
 * the policy allows as `git`, and `other`, which it doesn't. All sshds are real.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { GuardPolicy, GuardRecord, GuardStatus } from '../../src/domain/guard.ts';
import type { SshTarget } from '../../src/domain/ssh.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';
import { SshScene } from '../loopback/scene.ts';
import { readHostKey } from './agent-wire.ts';
import type { GuardedWork } from './guarded-session.ts';
import { UserAgent } from './user-agent.ts';

/** Opens one session with what it lends; see there. */
export const sessionProgram = join(import.meta.dirname, 'guarded-session.ts');

/** Algorithms that old and small clients have as well: the hosts are not ours, so they are not hardened. */
const foreignSshd = [
  'KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org',
  'Ciphers aes256-ctr,aes128-ctr,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com',
  'MACs hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com',
].join('\n');

/** No script makes the one path of a lent agent here: the first SetEnv wins, so sessions are told that of sshd. */
const ownAgentPath = 'SetEnv LENT=yes';

export interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface LendOptions {
  lend?: 'guard' | 'raw';
  policy?: Partial<GuardPolicy>;
  mayAsk?: boolean;
  env?: Record<string, string>;
  /** The machine; the scene's own unless told. */
  to?: { machine: LoopbackMachine; target: SshTarget };
}

export class GuardScene {
  readonly ssh = new SshScene();
  readonly agent = new UserAgent(join(this.ssh.folder, 'user'));
  machine!: LoopbackMachine;
  target!: SshTarget;
  forge!: LoopbackMachine;
  other!: LoopbackMachine;
  /** Public halves: `lent` is what policies name, `kept` is the user's other one. */
  lentKey = '';
  keptKey = '';
  readonly #sessions: LentSession[] = [];
  #count = 0;

  async start(): Promise<void> {
    await this.agent.start();
    this.lentKey = this.agent.addKey('lent');
    this.keptKey = this.agent.addKey('kept');
    const authorizedKeys = [this.lentKey, this.keptKey];
    const hostWith = (gitShell: string) => ({
      authorizedKeys,
      sshdConfig: `${foreignSshd}\n${ownAgentPath}`,
      otherUsers: [
        { name: 'git', shell: gitShell },
        { name: 'admin', shell: '/bin/bash' },
      ],
    });
    [{ machine: this.machine, target: this.target }, this.forge, this.other] = await Promise.all([
      this.ssh.startPinned({ sshdConfig: ownAgentPath }),
      this.ssh.start(this.ssh.makeHostKey(), hostWith('/usr/bin/git-shell')),
      this.ssh.start(this.ssh.makeHostKey(), hostWith('/bin/bash')),
    ]);
    this.nameHosts(this.machine);
  }

  async remove(): Promise<void> {
    for (const session of this.#sessions) await session.end();
    await this.ssh.remove();
    await this.agent.stop();
  }

  /** Tells the machine's ssh the two hosts and their keys. */
  nameHosts(machine: LoopbackMachine): void {
    const hosts = Object.entries({ forge: this.forge, other: this.other });
    const folder = machine.path('/home/dev/.ssh');
    const known = hosts.map(([name, host]) => `${name} ${host.hostPublicKey()}\n`).join('');
    const config = hosts.map(
      ([name, { port }]) =>
        `Host ${name}\n HostName 127.0.0.1\n Port ${port}\n HostKeyAlias ${name}\n User git\n`,
    );
    const all = [
      'Host *',
      ' UserKnownHostsFile /home/dev/.ssh/known_hosts',
      ...['GlobalKnownHostsFile /dev/null', 'StrictHostKeyChecking yes', 'UpdateHostKeys no'].map(
        (line) => ` ${line}`,
      ),
      ...['IdentityFile none', 'BatchMode yes', 'LogLevel ERROR'].map((line) => ` ${line}`),
    ];
    writeFileSync(join(folder, 'known_hosts'), known, { mode: 0o644 });
    writeFileSync(join(folder, 'config'), `${config.join('')}${all.join('\n')}\n`, { mode: 0o644 });
  }

  /** The private half of a host key, as whoever has root there reads it. */
  hostKeyOf(machine: LoopbackMachine): KeyObject {
    return readHostKey(readFileSync(machine.path('/etc/ssh/ssh_host_ed25519_key'), 'utf8'));
  }

  /** The forge as `git` with the lent key, often enough for any test. */
  policy(change: Partial<GuardPolicy> = {}): GuardPolicy {
    return {
      keys: [['lent']],
      destinations: [this.destination()],
      ...{ confirm: 'never', confirmTimeoutMs: 5_000, leaseMs: 600_000, commitSigning: 'off' },
      rate: { perMinute: 100_000, burst: 1_000 },
      ...change,
    };
  }

  destination(
    change: Partial<GuardPolicy['destinations'][number]> = {},
  ): GuardPolicy['destinations'][number] {
    return { name: 'forge', users: ['git'], hostKeys: [this.forge.hostPublicKey()], plain: false, ...change };
  }

  /** A session that stays open until it is ended, with what it lends. */
  async lend(options: LendOptions = {}): Promise<LentSession> {
    const { machine, target } = options.to ?? this;
    const work = this.#work(options, target);
    const child = spawn(process.execPath, [sessionProgram, JSON.stringify(work)], {
      env: { ...process.env, SSH_AUTH_SOCK: this.agent.socketPath, ...options.env },
    });
    const session = new LentSession(child, machine, work);
    this.#sessions.push(session);
    await session.begin();
    return session;
  }

  /** Work for a session in a terminal: the test starts it itself. */
  work(options: LendOptions & { argv: readonly string[]; tty: boolean }): GuardedWork {
    return { ...this.#work(options, (options.to ?? this).target), argv: options.argv, tty: options.tty };
  }

  #work({ lend = 'guard', policy, mayAsk = false }: LendOptions, target: SshTarget): GuardedWork {
    return {
      ...{ home: this.ssh.home, target, lend, policy: this.policy(policy), mayAsk, tty: false },
      argv: ['sh', '-c', 'echo "agent=$SSH_AUTH_SOCK"; exec cat'],
      toldPath: join(this.ssh.folder, `told-${this.#count++}`),
    };
  }

  /** A bare repository of `git` on the forge, with one commit. */
  makeRepository(name: string, files: Readonly<Record<string, string>> = { README: 'hello\n' }): void {
    const work = join(this.ssh.folder, `work-${name}`);
    const bare = this.forge.path(`/home/git/${name}.git`);
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: work });
    mkdirSync(work);
    git('init', '-q', '-b', 'main');
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(join(work, file, '..'), { recursive: true });
      writeFileSync(join(work, file), content);
    }
    git('add', '-A');
    git('commit', '-q', '-m', 'first');
    git('clone', '-q', '--bare', work, bare);
    const owner = this.forge.uidOf('git');
    execFileSync('chown', ['-R', `${owner}:${owner}`, bare]);
  }
}

/** A session, and what can be done on the machine while it lasts. */
export class LentSession {
  readonly machine: LoopbackMachine;
  readonly #child: ChildProcess;
  readonly #work: GuardedWork;
  /** Of the agent's socket, as the machine sees it. */
  path = '';

  constructor(child: ChildProcess, machine: LoopbackMachine, work: GuardedWork) {
    this.machine = machine;
    this.#child = child;
    this.#work = work;
  }

  /** Waits until the session runs. */
  async begin(): Promise<void> {
    const stderr = text(this.#child.stderr as NodeJS.ReadableStream);
    for await (const chunk of this.#child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
      const path = /^agent=(.*)$/m.exec(String(chunk))?.[1];
      if (path === undefined) continue;
      this.path = path;
      return;
    }
    throw new Error(`the session did not open: ${await stderr}`);
  }

  get isOpen(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The same socket, from outside of the machine's namespace. */
  get socketPath(): string {
    return `/proc/${this.machine.processes()[0]}/root${this.path}`;
  }

  /** Runs a program on the machine, past sshd, with the lent agent. */
  async run(user: 'root' | 'dev', argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
    const variables = Object.entries({ SSH_AUTH_SOCK: this.path, ...env }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const [command = '', ...args] = [...this.machine.enter(user), ...variables, ...argv];
    const { PATH = '' } = process.env;
    const child = spawn(command, args, { env: { PATH }, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { status, stdout, stderr };
  }

  /** ssh of root on the machine. @returns whether it got in */
  async canLogIn(args: readonly string[], env: Record<string, string> = {}): Promise<boolean> {
    const { status, stdout } = await this.run(
      'root',
      ['ssh', '-F', '/home/dev/.ssh/config', ...args, 'echo', 'in'],
      env,
    );
    return status === 0 && stdout === 'in\n';
  }

  /** What the person was told, first to last. */
  told(): GuardRecord[] {
    if (!existsSync(this.#work.toldPath)) return [];
    const lines = readFileSync(this.#work.toldPath, 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as GuardRecord);
  }

  /** Asks the guard over its control socket. */
  async control(op: string): Promise<ControlAnswer> {
    return askControl(await this.guardSocket('k'), op);
  }

  async status(): Promise<GuardStatus> {
    const { status } = await this.control('status');
    if (!status) throw new Error('the guard does not say');
    return status;
  }

  /** On the user's computer: `g` is what ssh forwards, `k` is for control. Other sessions' guards lie beside it. */
  async guardSocket(kind: 'g' | 'k'): Promise<string> {
    const folder = join(this.#work.home, 'run', this.#work.target.key);
    for (const name of readdirSync(folder).filter((entry) => entry.startsWith('k-'))) {
      const { status } = await askControl(join(folder, name), 'status');
      if (status?.pid === this.pid) return join(folder, `${kind}${name.slice(1)}`);
    }
    throw new Error('the session has no guard');
  }

  /** As when the person leaves. */
  async end(): Promise<void> {
    if (!this.isOpen) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    // ssh waits for connections that a failed test has left open.
    const timer = setTimeout(() => this.#child.kill('SIGTERM'), 15_000);
    await ended;
    clearTimeout(timer);
  }
}

export interface ControlAnswer {
  ok: boolean;
  status?: GuardStatus;
}

async function askControl(path: string, op: string): Promise<ControlAnswer> {
  const socket = connect(path);
  socket.write(`${JSON.stringify({ op })}\n`);
  return JSON.parse(await text(socket)) as ControlAnswer;
}
