/** What tests of SSH on loopback share: a home, a login key, an instance and its saved identity, machines, an end. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InstanceKey, makeInstanceKey } from '../../src/domain/ids.ts';
import type { KnownIdentity } from '../../src/domain/instance.ts';
import type { Ssh, SshTarget } from '../../src/domain/ssh.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { makeHostKey } from '../../src/ssh/host-key.ts';
import { createOpenSsh } from '../../src/ssh/open-ssh.ts';
import { makeAuditScene } from '../fakes/sample-audit.ts';
import { type LoopbackMachine, type LoopbackOptions, startLoopbackMachine } from './machine.ts';

export interface HostKeyPair {
  publicKey: string;
  privateKey: string;
}

export class SshScene {
  /** Open to other users, as far as to the home in it: what is private must be so by itself. */
  readonly folder = mkdtempSync(join(tmpdir(), 'spuff-ssh-'));
  readonly home = join(this.folder, 'home');
  readonly publicKeyPath = join(this.folder, 'login.pub');
  readonly ssh: Ssh;
  readonly #machines: LoopbackMachine[] = [];
  readonly #keys: InstanceKey[] = [];

  constructor() {
    execFileSync('mkdir', ['-m', '0700', this.home]);
    execFileSync('chmod', ['0755', this.folder]);
    const path = this.publicKeyPath.replace(/\.pub$/, '');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'login', '-f', path]);
    this.ssh = createOpenSsh({
      ...{ home: this.home, runtime: systemRuntime },
      audit: makeAuditScene(this.home).open(),
    });
  }

  makeHostKey(): HostKeyPair {
    const { publicKey, privateKey } = makeHostKey('test');
    return { publicKey, privateKey: privateKey.reveal() };
  }

  async start(hostKey: HostKeyPair, change: Partial<LoopbackOptions> = {}): Promise<LoopbackMachine> {
    const authorizedKeys = [readFileSync(this.publicKeyPath, 'utf8').trim()];
    const machine = await startLoopbackMachine({ hostKey, authorizedKeys, ...change });
    this.#machines.push(machine);
    return machine;
  }

  /** An instance that has only been told which key it was given. */
  target(machine: Pick<LoopbackMachine, 'host' | 'port' | 'user'>, identity: KnownIdentity): SshTarget {
    const key = makeInstanceKey(Date.now(), randomBytes(10));
    this.#keys.push(key);
    const { host, port, user } = machine;
    return { key, name: 'demo', host, port, user, publicKeyPath: this.publicKeyPath, identity };
  }

  /** A machine with its identity proved. */
  async startPinned(
    change: Partial<LoopbackOptions> = {},
  ): Promise<{ machine: LoopbackMachine; target: SshTarget }> {
    const hostKey = this.makeHostKey();
    const machine = await this.start(hostKey, change);
    const booting = this.target(machine, bootingWith(hostKey));
    const { identity } = await establish(this.ssh, booting);
    return { machine, target: { ...booting, identity } };
  }

  async remove(): Promise<void> {
    for (const key of this.#keys) await this.ssh.forget(key);
    for (const machine of this.#machines) await machine.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The identity at creation. The private half is not kept: it is the machine's. */
export function bootingWith(hostKey: HostKeyPair): KnownIdentity {
  const { privateKey } = makeHostKey('stand-in');
  return { phase: 'booting', injectedPublicKey: hostKey.publicKey, injectedPrivateKey: privateKey };
}

export interface Establishing {
  identity: KnownIdentity;
  saved: KnownIdentity[];
}

/** First contact, as `up` makes it. `save` stands for the state store. */
export async function establish(
  ssh: Ssh,
  target: SshTarget,
  options: {
    save?: (identity: KnownIdentity, count: number) => void;
    firstCommands?: readonly (readonly string[])[];
    patienceMs?: number;
    signal?: AbortSignal;
  } = {},
): Promise<Establishing> {
  const saved: KnownIdentity[] = [];
  const save = (identity: KnownIdentity) => {
    options.save?.(identity, saved.length + 1);
    saved.push(identity);
  };
  const identity = await ssh.establishIdentity(target, save, {
    deadline: new Date(Date.now() + (options.patienceMs ?? 20_000)),
    signal: options.signal ?? new AbortController().signal,
    ...(options.firstCommands && { firstCommands: options.firstCommands }),
  });
  return { identity, saved };
}
