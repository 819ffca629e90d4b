/** Machines that boot with given user data, seen past what the first boot closes: as root, from beside, over reboots. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildUserData, type UserDataInput } from '../../src/bootstrap/user-data.ts';
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { ImageRef } from '../../src/domain/provider.ts';
import { hashAgentToken, makeAgentToken } from '../../src/lib/agent-token.ts';
import { type ProcessResult, type RunProcessOptions, runProcess } from '../../src/lib/process.ts';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { cleanUp, makeKey, openProvider, startMachine, within } from '../machine/lab.ts';

export interface KeyPair {
  /** Path of the private half; the public one lies beside it. */
  path: string;
  publicKey: string;
}

export interface BootMachine {
  id: string;
  key: InstanceKey;
  address: string;
  /** Runs a program as root, or as another user, past everything that the first boot has closed. */
  run(argv: readonly string[], options?: RunProcessOptions & { user?: string }): Promise<ProcessResult>;
  /** As `run`, and throws unless it exits with 0. Gives its standard output. */
  ok(argv: readonly string[], options?: RunProcessOptions & { user?: string }): Promise<string>;
  /** Logs in over SSH, accepting any host key: what these tests are about comes after it. */
  ssh(
    user: string,
    argv: readonly string[],
    options?: { key?: KeyPair; sshArgs?: string[]; env?: Record<string, string>; timeoutMs?: number },
  ): Promise<ProcessResult>;
  reboot(): Promise<void>;
}

/** The complete input of the user data that a test's machine boots with. */
export function makeUserDataInput(login: KeyPair, change: Partial<UserDataInput> = {}): UserDataInput {
  return {
    user: 'dev',
    hostName: 'demo',
    key: makeKey(),
    sshPublicKeys: [login.publicKey],
    injectedHostKey: makeHostKey('one-time'),
    agentTokenSha256: hashAgentToken(makeAgentToken()),
    maxUserDataBytes: 16_384,
    ...change,
  };
}

/** A folder, keys in it and machines, all of which `remove` takes away. */
export class BootScene {
  readonly folder = mkdtempSync(join(tmpdir(), 'spuff-boot-'));
  readonly #keys: InstanceKey[] = [];
  readonly #networks: string[] = [];

  /** A key pair to log in with, of OpenSSH's own making. */
  async makeLoginKey(name: string): Promise<KeyPair> {
    const path = join(this.folder, name);
    await expectZero(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path]);
    return { path, publicKey: readFileSync(`${path}.pub`, 'utf8') };
  }

  /** Boots a machine and waits until cloud-init and all other jobs of the boot have ended. */
  async boot(
    login: KeyPair,
    change: Partial<UserDataInput> & { image?: ImageRef } = {},
  ): Promise<BootMachine> {
    const { image, ...inputs } = change;
    const input = makeUserDataInput(login, inputs);
    const machine = await this.#start(
      buildUserData(input),
      { ...(image && { image }), instanceName: input.hostName },
      login,
    );
    await machine.awaitBoot();
    return machine;
  }

  /**
   * A machine whose first boot closes nothing, in a second network with the given one: the provider's own lets no two
   * machines talk. Gives the addresses of both in it.
   */
  async startNeighbour(
    machine: BootMachine,
  ): Promise<{ neighbour: BootMachine; address: string; machineAddress: string }> {
    const neighbour = await this.#start('#cloud-config\n{}\n', { instanceName: 'neighbour' }, null);
    const network = (await expectZero(['docker', 'network', 'create', `boot-${neighbour.key}`])).trim();
    this.#networks.push(network);
    await expectZero(['docker', 'network', 'connect', network, machine.id]);
    await expectZero(['docker', 'network', 'connect', network, neighbour.id]);
    const [address, machineAddress] = await Promise.all(
      [neighbour.id, machine.id].map((id) => addressOf(id, network)),
    );
    return { neighbour, address: address ?? '', machineAddress: machineAddress ?? '' };
  }

  async snapshot(machine: BootMachine): Promise<ImageRef> {
    const { snapshots } = openProvider();
    if (!snapshots) throw new TypeError('the local provider has snapshots');
    const { id } = await snapshots.create(machine.id, 'boot-test', {
      ...within(60_000),
      expectKey: machine.key,
    });
    return { kind: 'id', id };
  }

  async remove(): Promise<void> {
    if (this.#keys.length > 0) await cleanUp(this.#keys);
    for (const network of this.#networks) await runProcess(['docker', 'network', 'rm', network]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #start(
    userData: string,
    spec: { image?: ImageRef; instanceName: string },
    login: KeyPair | null,
  ): Promise<Machine> {
    const key = makeKey();
    this.#keys.push(key);
    const vm = await startMachine({ key, userData, size: 'host', ...spec });
    return new Machine(vm.id, key, await addressOf(vm.id), login);
  }
}

class Machine implements BootMachine {
  readonly id: string;
  readonly key: InstanceKey;
  readonly #login: KeyPair | null;
  address: string;

  constructor(id: string, key: InstanceKey, address: string, login: KeyPair | null) {
    this.id = id;
    this.key = key;
    this.address = address;
    this.#login = login;
  }

  run(argv: readonly string[], options: RunProcessOptions & { user?: string } = {}): Promise<ProcessResult> {
    return runProcess(['docker', 'exec', '-i', '-u', options.user ?? 'root', this.id, ...argv], {
      stdin: '',
      ...options,
    });
  }

  async ok(argv: readonly string[], options: RunProcessOptions & { user?: string } = {}): Promise<string> {
    const result = await this.run(argv, options);
    if (result.exitCode === 0) return result.stdout;
    throw new Error(`${argv.join(' ')} on the machine: ${result.exitCode}\n${result.stdout}${result.stderr}`);
  }

  ssh(
    user: string,
    argv: readonly string[],
    options: Parameters<BootMachine['ssh']>[2] = {},
  ): Promise<ProcessResult> {
    const key = options.key ?? this.#login;
    return runProcess(
      [
        ...[
          'ssh',
          '-F',
          'none',
          '-o',
          'IdentitiesOnly=yes',
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'ConnectTimeout=5',
        ],
        ...[
          '-o',
          'UserKnownHostsFile=/dev/null',
          '-o',
          'LogLevel=DEBUG1',
          ...(options.sshArgs ?? ['-o', 'BatchMode=yes']),
        ],
        ...[...(key ? ['-i', key.path] : []), `${user}@${this.address}`, ...argv],
      ],
      { env: { SSH_AUTH_SOCK: '', ...options.env }, timeoutMs: options.timeoutMs ?? 30_000 },
    );
  }

  async reboot(): Promise<void> {
    await expectZero(['docker', 'restart', '-t', '30', this.id]);
    this.address = await addressOf(this.id);
    await this.awaitBoot();
  }

  /** `running` or `degraded`: the jobs of the boot have ended, well or not. */
  async awaitBoot(): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt++) {
      const { stdout } = await this.run(['systemctl', 'is-system-running', '--wait']);
      const done = await this.run(['test', '-e', '/run/cloud-init/result.json']);
      if (['running', 'degraded'].includes(stdout.trim()) && done.exitCode === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(
      `the machine does not end its boot:\n${(await this.run(['systemctl', 'list-jobs'])).stdout}`,
    );
  }
}

/** A container's address in the given network, or in the first that it joined. */
async function addressOf(id: string, network?: string): Promise<string> {
  const [found] = JSON.parse(await expectZero(['docker', 'inspect', id])) as [
    { NetworkSettings: { Networks: Record<string, { NetworkID: string; IPAddress: string }> } },
  ];
  const networks = Object.entries(found.NetworkSettings.Networks);
  const match = networks.find(([name, { NetworkID }]) =>
    network ? NetworkID === network : name === 'spuff',
  );
  if (!match)
    throw new Error(`container ${id} is in the networks ${networks.map(([name]) => name).join(', ')} only`);
  return match[1].IPAddress;
}

async function expectZero(argv: readonly string[]): Promise<string> {
  const result = await runProcess(argv, { timeoutMs: 60_000 });
  if (result.exitCode === 0) return result.stdout;
  throw new Error(`${argv.join(' ')}: ${result.exitCode}\n${result.stderr}`);
}
