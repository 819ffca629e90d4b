/**
 * A user with a different secret in each place where spuff meets one, a simulated cloud with real machines behind it, and
 * somebody on each side who looks all the time.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { quoteCommand } from '../../src/lib/shell-quote.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { type Result, spuffProgram } from '../e2e/spuff-process.ts';
import { openProvider } from '../machine/lab.ts';
import { runOnMachine } from '../machine/run-on-machine.ts';
import { privateLines } from '../machine/search-machine.ts';
import { type MachineBacking, realMachines } from '../simulators/machine-backing.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';
import { Onlooker, onlookerProgram } from './onlooker.ts';
import { UserHome } from './user-home.ts';

const asNobody = [
  'env',
  'PAUSE_MS=20',
  'nice',
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
];
/** Of the base image, before there is an agent. */
const machineNode =
  'PAUSE_MS=20 exec nice /usr/lib/spuff/runtime/*/node --input-type=module-typescript --eval "$1"';

/** What the simulated cloud's metadata service can be asked for; folders end in a slash. */
export const metadataStarts = ['/metadata/v1.json', '/metadata/v1/'];
/** An answer of it that nobody goes by. */
const plantedMetadata = '/metadata/v1/features/dhcp_enabled';

/** Of the machine in the tailnet of its user. */
export const tailnetAddress = '100.101.102.104';

/** Nothing takes it for a token by its looks, so that it is kept by what is known of it alone; a URL writes some of it differently. */
const makeSecret = () => `k9/+${Array.from({ length: 4 }, () => randomBytes(6).toString('hex')).join('.')}`;

export class CanaryScene {
  readonly user = new UserHome();
  /** What no search looks into, and nobody else enters: what a password manager would hold, and lists of needles. */
  readonly vault = mkdtempSync(join(tmpdir(), 'canary-vault-'));
  readonly project = join(this.user.path, 'shop');
  /** What stands in the variables of the user's shell. */
  readonly shell: Record<string, string> = {
    GITHUB_TOKEN: makeSecret(),
    TS_AUTHKEY: `tskey-auth-${randomBytes(24).toString('hex')}`,
    DB_PASSWORD: makeSecret(),
  };
  readonly lostToken = `dop_v1_${randomBytes(32).toString('hex')}`;
  readonly passphrase = makeSecret();
  readonly ofGit = makeSecret();
  readonly fromFile = makeSecret();
  readonly fromManager = makeSecret();
  /** Found wherever it is looked for: it is planted on purpose. */
  readonly planted = makeSecret();
  readonly canaries = new Map<string, string[]>();
  /** What each command has printed. */
  readonly printed: { args: readonly string[]; text: string }[] = [];
  readonly onlookers = new Map<string, Onlooker>();
  readonly machines: string[] = [];
  #machineAddress = '';
  /** Images of disks that were kept. */
  readonly disks: string[] = [];
  cloud!: CloudScene;

  async open(): Promise<void> {
    this.user.startAgent();
    this.canaries.set('login key', privateLines(this.user.key));
    const word = join(this.vault, 'word');
    writeFileSync(word, this.passphrase, { mode: 0o600 });
    writeFileSync(join(this.vault, 'manager'), this.fromManager, { mode: 0o600 });
    writeFileSync(this.#askpass, `#!/bin/sh\nexec cat '${word}'\n`, { mode: 0o700 });
    execFileSync('ssh-keygen', ['-q', '-p', '-f', this.user.key], { env: this.env(this.asking) });
    this.canaries.set('login key, encrypted', privateLines(this.user.key));
    const look = [process.execPath, onlookerProgram];
    this.onlookers.set('another user, here', new Onlooker([...asNobody, ...look]));
    this.onlookers.set('root, here', new Onlooker(['env', 'PAUSE_MS=20', 'nice', ...look]));
    const backing = this.#watched(realMachines(openProvider()));
    this.cloud = await openCloudScene('digitalocean', backing, this.user.env);
    // So that what spuff leaves open can be seen.
    for (const folder of [this.user.path, dirname(this.home)]) chmodSync(folder, 0o755);
    const [apiToken = ''] = Object.entries(this.cloud.env).flatMap(([name, value]) =>
      name.endsWith('_TOKEN') ? [value] : [],
    );
    this.canaries
      .set('API token', [apiToken])
      .set('lost API token', [this.lostToken])
      .set('token of git', [this.ofGit])
      .set('token in the shell', [this.shell['GITHUB_TOKEN'] ?? ''])
      .set('Tailscale key', [this.shell['TS_AUTHKEY'] ?? ''])
      .set('passphrase', [this.passphrase])
      .set('variable of the shell', [this.shell['DB_PASSWORD'] ?? ''])
      .set('variable of spuff.secrets.yaml', [this.fromFile])
      .set('variable of a command', [this.fromManager])
      .set('planted', [this.planted]);
    mkdirSync(join(this.project, 'seed'), { recursive: true });
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', this.project, ...args], { stdio: 'ignore' });
    git('init');
    const config = join(this.project, '.git', 'config');
    appendFileSync(
      config,
      `[http "https://git.example.com"]\n  extraheader = Authorization: Basic ${this.ofGit}\n`,
    );
    chmodSync(config, 0o600);
  }

  get home(): string {
    return this.cloud.home.path;
  }

  get #askpass(): string {
    return join(this.vault, 'askpass');
  }

  /** Programs that come before those of the system. */
  get programs(): string {
    return join(this.vault, 'bin');
  }

  /** What has OpenSSH's programs ask for a passphrase, and be answered. */
  get asking(): Record<string, string> {
    return { SSH_ASKPASS: this.#askpass, SSH_ASKPASS_REQUIRE: 'force' };
  }

  env(more: Record<string, string> = {}): Record<string, string> {
    return { ...(process.env as Record<string, string>), ...this.user.env, ...more };
  }

  writeProject(): void {
    writeFileSync(join(this.project, 'seed', 'file'), 'nothing secret\n');
    const manager = `cat ${join(this.vault, 'manager')}`;
    const project = {
      ...{ version: '1', name: 'shop' },
      env: { FROM_SHELL: '${DB_PASSWORD}', FROM_MANAGER: { from: manager } },
      setup: ['echo "the keys are $FROM_SHELL, $FROM_FILE and $FROM_MANAGER"'],
      volumes: [{ source: 'seed', target: 'data', mount_point: 'mnt' }],
    };
    writeFileSync(join(this.project, 'spuff.yaml'), JSON.stringify(project));
    const secrets = JSON.stringify({ env: { FROM_FILE: this.fromFile } });
    writeFileSync(join(this.project, 'spuff.secrets.yaml'), secrets, { mode: 0o600 });
  }

  #watched(backing: MachineBacking): MachineBacking {
    const source = readFileSync(onlookerProgram, 'utf8');
    return {
      ...backing,
      keep: async (id) => {
        const disk = await backing.keep(id);
        if (disk?.kind === 'id') this.disks.push(disk.id);
        return disk;
      },
      boot: async (metadata, disk) => {
        const answer: typeof metadata.answer = (request, card) =>
          request.path === plantedMetadata
            ? { status: 200, body: Buffer.from(this.planted).toString('base64') }
            : metadata.answer(request, card);
        const machine = await backing.boot({ ...metadata, answer }, disk);
        this.machines.push(machine.id);
        this.#machineAddress = machine.ipv4;
        const argv = [
          'docker',
          'exec',
          '-i',
          '-u',
          'nobody',
          machine.id,
          'sh',
          '-c',
          machineNode,
          'sh',
          source,
        ];
        this.onlookers.set(`another user, machine ${this.machines.length}`, new Onlooker(argv));
        return machine;
      },
    };
  }

  /** Until each onlooker has looked everywhere so often since now. */
  async looked(times: number): Promise<void> {
    const all = [...this.onlookers.values()];
    const goals = all.map((one) => one.rounds + times);
    while (all.some((one, at) => one.rounds < (goals[at] ?? 0))) await delay(20);
  }

  /** Runs a command in the project, at a terminal if that is asked for, and keeps what it prints. */
  async spuff(
    args: readonly string[],
    at: { terminal?: boolean; env?: Record<string, string> } = {},
  ): Promise<Result> {
    const env: Record<string, string> = { ...this.cloud.env, ...this.shell, EDITOR: 'true', ...at.env };
    env['PATH'] = `${this.programs}:${process.env['PATH']}`;
    const argv = ['--verbose', ...args];
    const result = at.terminal
      ? await this.#atTerminal(argv, env)
      : await this.cloud.home.spuff(argv, { cwd: this.project, env });
    this.printed.push({ args, text: result.stdout + result.stderr });
    return result;
  }

  async #atTerminal(args: readonly string[], env: Record<string, string>): Promise<Result> {
    const { spawn } = await import('node:child_process');
    const command = quoteCommand([...spuffProgram, ...args]);
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      cwd: this.project,
      env: this.env({ ...env, SPUFF_HOME: this.home, SPUFF_BACKGROUND: 'off', CI: '' }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [exitCode]] = await Promise.all([
      child.stdout.setEncoding('utf8').toArray(),
      child.stderr.setEncoding('utf8').toArray(),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { exitCode, signal: null, stdout: stdout.join(''), stderr: stderr.join('') };
  }

  /** As its user does, who knows the passphrase. */
  async loadOwnKey(): Promise<void> {
    const { stdout } = await this.spuff(['key', 'list', '--json']);
    const { keys } = JSON.parse(stdout) as { keys: { publicPath: string }[] };
    const path = keys[0]?.publicPath.replace(/\.pub$/, '') ?? '';
    execFileSync('ssh-add', ['-q', path], { env: this.env(this.asking) });
  }

  /** What can only be told once it is there: the token of the instance's agent, and keys of spuff's own. */
  learn(): void {
    const store = openStateStore({ path: join(this.home, 'state.db'), readOnly: true });
    const tokens = store.listInstances().map(({ agentToken }) => agentToken.reveal());
    store.close();
    this.#add('agent token', tokens);
    const keys = readdirSync(join(this.home, 'keys')).filter((name) => /^(?!.*\.pub$).*ed25519/.test(name));
    this.#add(
      'own key, encrypted',
      keys.flatMap((name) => privateLines(join(this.home, 'keys', name))),
    );
  }

  #add(name: string, parts: readonly string[]): void {
    this.canaries.set(name, [...new Set([...(this.canaries.get(name) ?? []), ...parts])]);
  }

  /** Packets to the address of the tailnet go to the machine, which has it as one of its own. */
  async leadTailnet(): Promise<void> {
    await this.asRoot(['ip', 'addr', 'replace', `${tailnetAddress}/32`, 'dev', 'lo']);
    execFileSync('ip', ['route', 'replace', `${tailnetAddress}/32`, 'via', this.#machineAddress]);
  }

  async asRoot(argv: readonly string[], stdin?: string): Promise<string> {
    const result = await runOnMachine({ name: this.machines.at(-1) ?? '' }, argv, stdin);
    if (result.exitCode === 0) return result.stdout;
    throw new Error(`${argv.join(' ')}: ${result.exitCode}\n${result.stdout}${result.stderr}`);
  }

  async close(): Promise<void> {
    for (const onlooker of this.onlookers.values()) await onlooker.end({}).catch(() => undefined);
    execFileSync('ip', ['route', 'flush', `${tailnetAddress}/32`]);
    await this.cloud?.close();
    this.user.remove();
    rmSync(this.vault, { recursive: true, force: true });
  }
}
