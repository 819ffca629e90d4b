/**
 * A machine on loopback for tests of SSH: the real sshd, sudo and coreutils of this system in a mount namespace with an
 * /etc/ssh, /etc/passwd, /run and home of its own. Starts in a few milliseconds; needs root, openssh-server and sudo.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sshdDropIn } from '../../src/bootstrap/hardening-ssh.ts';

export interface LoopbackOptions {
  hostKey: { publicKey: string; privateKey: string };
  /** One-line public keys of the user `dev`. */
  authorizedKeys: readonly string[];
  /** 0: a free one. */
  port?: number;
  /** An address of this computer; loopback unless told. */
  host?: string;
  /** Lines before the hardening, in which the first value wins. */
  sshdConfig?: string;
  /** Programs that stand in for the system's, by absolute path; the system's own are under `/real`. */
  shims?: Readonly<Record<string, string>>;
  shell?: string;
  /** Further accounts that the same keys log in to, such as a forge's `git`. */
  otherUsers?: readonly LoopbackUser[];
}

export interface LoopbackUser {
  name: string;
  shell: string;
}

const firstUid = 4242;

export class LoopbackMachine {
  readonly host: string;
  readonly user = 'dev';
  readonly port: number;
  readonly root: string;
  #sshd: ChildProcess | null = null;

  constructor(root: string, { host, port }: { host: string; port: number }) {
    this.root = root;
    this.host = host;
    this.port = port;
  }

  /** Starts sshd; also after `stop`, with the disk as it was left. */
  async boot(): Promise<void> {
    mkdirSync(join(this.root, 'run/sshd'), { recursive: true, mode: 0o755 });
    const before = this.log().length;
    const sshd = spawn('unshare', ['-m', '--propagation', 'private', 'sh', join(this.root, 'boot.sh')], {
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    this.#sshd = sshd;
    // Not by a connection: the log is to show those of the test only.
    for (let tries = 0; !this.log().slice(before).includes('Server listening on'); tries++) {
      if (sshd.exitCode !== null || tries > 500)
        throw new Error(`no sshd on port ${this.port}:\n${this.log()}`);
      await delay(10);
    }
  }

  /** The power goes off: every process of the machine is killed. */
  async stop(): Promise<void> {
    const sshd = this.#sshd;
    if (!sshd) return;
    const ended = sshd.exitCode === null && sshd.signalCode === null ? once(sshd, 'exit') : Promise.resolve();
    for (const pid of this.processes()) killQuietly(pid);
    await ended;
    this.#sshd = null;
    rmSync(join(this.root, 'run'), { recursive: true, force: true });
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** The start of a command line that runs what follows on the machine, past sshd. */
  enter(user: string): string[] {
    const pid = this.#sshd?.pid;
    if (pid === undefined) throw new Error('the machine is off');
    const id = user === 'root' ? '0' : this.uidOf(user);
    const home = user === 'root' ? '/root' : `/home/${user}`;
    const become = ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--'];
    return ['nsenter', '-t', `${pid}`, '-m', `--wd=/`, '--', ...become, 'env', `HOME=${home}`];
  }

  uidOf(user: string): string {
    const line = readFileSync(join(this.root, 'passwd'), 'utf8').match(new RegExp(`^${user}:x:(\\d+):`, 'm'));
    if (!line?.[1]) throw new Error(`there is no user ${user}`);
    return line[1];
  }

  /** Ids of all processes that live in the machine's namespace. */
  processes(): number[] {
    const pid = this.#sshd?.pid;
    if (pid === undefined) return [];
    const own = namespaceOf(pid);
    const all = execFileSync('ps', ['-eo', 'pid='], { encoding: 'utf8' }).split('\n').map(Number);
    return own === null ? [] : all.filter((other) => other > 0 && namespaceOf(other) === own);
  }

  /** Ends every login and what runs in it; sshd stays. */
  killSessions(): void {
    for (const pid of this.processes()) if (pid !== this.#sshd?.pid) killQuietly(pid);
  }

  /** Command lines of the machine's processes, without sshd's own. */
  commands(): string[] {
    return this.processes()
      .map((pid) => readQuietly(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim())
      .filter((line) => line !== '' && !/sshd|^unshare|boot[.]sh/.test(line));
  }

  log(): string {
    return readQuietly(join(this.root, 'sshd.log'));
  }

  clearLog(): void {
    writeFileSync(join(this.root, 'sshd.log'), '');
  }

  /** A path of the machine as seen from here. */
  path(inside: string): string {
    for (const part of ['etc/ssh', 'run', 'home']) {
      if (inside === `/${part}` || inside.startsWith(`/${part}/`)) return join(this.root, inside);
    }
    throw new Error(`${inside} is shared with this system`);
  }

  hostPublicKey(): string {
    const file = this.path('/etc/ssh/ssh_host_ed25519_key');
    return execFileSync('ssh-keygen', ['-y', '-P', '', '-f', file], { encoding: 'utf8' })
      .split(' ')
      .slice(0, 2)
      .join(' ')
      .trim();
  }

  setHostKey(key: LoopbackOptions['hostKey']): void {
    const file = this.path('/etc/ssh/ssh_host_ed25519_key');
    rmSync(file, { force: true });
    writeFileSync(file, key.privateKey, { mode: 0o600 });
    writeFileSync(`${file}.pub`, `${key.publicKey}\n`);
  }
}

/** Makes a machine and boots it. */
export async function startLoopbackMachine(options: LoopbackOptions): Promise<LoopbackMachine> {
  const root = await mkdtemp(join(tmpdir(), 'spuff-loopback-'));
  chmodSync(root, 0o755);
  const host = options.host ?? '127.0.0.1';
  const machine = new LoopbackMachine(root, { host, port: options.port || (await findFreePort()) });
  for (const directory of ['etc/ssh', 'run/sshd']) mkdirSync(join(root, directory), { recursive: true });
  machine.setHostKey(options.hostKey);
  const write = (name: string, text: string, mode = 0o644) => writeFileSync(join(root, name), text, { mode });
  write('etc/ssh/sshd_config', renderSshdConfig(machine, options));
  write('sudoers', 'root ALL=(ALL) ALL\ndev ALL=(ALL) NOPASSWD:ALL\n', 0o440);
  const users = [{ name: machine.user, shell: options.shell ?? '/bin/bash' }, ...(options.otherUsers ?? [])];
  const shims = Object.entries(options.shims ?? {});
  for (const [index, [, text]] of shims.entries()) write(`shim-${index}`, text, 0o755);
  write(
    'boot.sh',
    renderBootScript(
      root,
      shims.map(([path], index) => [path, `shim-${index}`]),
    ),
  );
  makeUsers(root, users, options.authorizedKeys);
  await machine.boot();
  return machine;
}

function makeUsers(root: string, users: readonly LoopbackUser[], authorizedKeys: readonly string[]): void {
  const files = ['passwd', 'group', 'shadow'] as const;
  const texts = files.map((file) => readFileSync(`/etc/${file}`, 'utf8'));
  for (const [index, { name, shell }] of users.entries()) {
    const id = firstUid + index;
    const home = join(root, 'home', name);
    texts[0] += `${name}:x:${id}:${id}::/home/${name}:${shell}\n`;
    texts[1] += `${name}:x:${id}:\n`;
    texts[2] += `${name}:*:20000:0:99999:7:::\n`;
    mkdirSync(join(home, '.ssh'), { recursive: true });
    writeFileSync(join(home, '.ssh/authorized_keys'), `${authorizedKeys.join('\n')}\n`, { mode: 0o600 });
    execFileSync('chown', ['-R', `${id}:${id}`, home]);
  }
  for (const [index, file] of files.entries())
    writeFileSync(join(root, file), texts[index] ?? '', { mode: file === 'shadow' ? 0o600 : 0o644 });
}

function renderSshdConfig(machine: LoopbackMachine, options: LoopbackOptions): string {
  return [
    options.sshdConfig ?? '',
    `Port ${machine.port}`,
    `ListenAddress ${machine.host}`,
    sshdDropIn(machine.user),
    ...(options.otherUsers ?? []).map(({ name }) => `AllowUsers ${name}`),
    'UsePAM no',
    'AcceptEnv LANG LC_*',
    'Subsystem sftp internal-sftp',
  ].join('\n');
}

function renderBootScript(root: string, shims: ReadonlyArray<readonly [path: string, file: string]>): string {
  const real = shims.map(
    ([path]) =>
      `mkdir -p /run/real && touch /run/real/${path.split('/').at(-1)} && mount --bind ${path} /run/real/${path.split('/').at(-1)}`,
  );
  return [
    'set -e',
    `mount --bind ${root}/etc/ssh /etc/ssh`,
    `for name in passwd group shadow sudoers; do mount --bind ${root}/$name /etc/$name; done`,
    `mount --bind ${root}/home /home`,
    `mount --bind ${root}/run /run`,
    ...real,
    ...shims.map(([path, file]) => `mount --bind ${root}/${file} ${path}`),
    `exec /usr/sbin/sshd -D -E ${root}/sshd.log`,
    '',
  ].join('\n');
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return null;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
