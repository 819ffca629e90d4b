import type { AppContext } from '../../src/app/context.ts';
import { type RotationReport, rotateOwnKey } from '../../src/app/rotate-key.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import type { LoginKeyRegistry } from '../../src/domain/provider.ts';
import { defaultSettings } from '../../src/domain/settings.ts';
import type { RunResult, Ssh, SshTarget } from '../../src/domain/ssh.ts';
import { nowMs } from './cli-run.ts';
import { type MemoryKeys, memoryKeys } from './memory-keys.ts';
import { MemoryState } from './memory-state.ts';
import { sampleInstance } from './sample-instance.ts';

const home = '/home/someone/.spuff';
export const onDisk = { storage: 'disk', passphrase: 'none' } as const;

/** What a step throws where the process is killed. */
export class Killed extends Error {}

/** Two machines with what they let in, and a provider that keeps keys in the account. */
export class KeyWorld {
  /** How many steps are still taken before the process is killed. */
  stepsLeft = Number.POSITIVE_INFINITY;
  readonly authorized = new Map<string, Set<string>>();
  readonly unreachable = new Set<string>();
  readonly registered = new Set<string>();
  readonly keys: MemoryKeys = memoryKeys(home, () => this.step());
  state = new MemoryState();

  step(): void {
    if (this.stepsLeft-- <= 0) throw new Killed('killed');
  }

  async begin(): Promise<void> {
    const { publicPath, publicKey } = await this.keys.make(onDisk);
    this.keys.requests.length = 0;
    const made = { sshPublicKeyPath: publicPath, createdAt: new Date(nowMs - 1) };
    this.state = new MemoryState(['one', 'two'].map((name) => sampleInstance({ name, ...made })));
    for (const name of ['one', 'two']) this.authorized.set(name, new Set([publicKey, 'ssh-rsa AAAAother']));
    this.registered.add(publicKey);
    const update = this.state.updateInstance.bind(this.state);
    this.state.updateInstance = (key, change) => {
      this.step();
      const changed = update(key, change);
      this.step();
      return changed;
    };
  }

  /** Names of the machines that the key which the state names does not open. */
  lockedOut(): string[] {
    return this.state
      .listInstances()
      .filter(({ name, sshPublicKeyPath }) => !this.opens(name, sshPublicKeyPath))
      .map(({ name }) => name);
  }

  opens(name: string, publicPath: string | null): boolean {
    const key = this.keys.keyAt(publicPath);
    return key !== null && this.authorized.get(name)?.has(key.publicKey) === true;
  }

  change(target: SshTarget, argv: readonly string[]): RunResult {
    const [mode, , ...lines] = argv.slice(4);
    const set = this.authorized.get(target.name) ?? new Set();
    if (argv[2]?.includes('exec cat')) return { stdout: [...set].join('\n'), stderr: '', exitCode: 0 };
    if (argv[0] === 'true') return { stdout: '', stderr: '', exitCode: 0 };
    this.step();
    for (const line of lines) mode === 'add' ? set.add(line) : set.delete(line);
    this.step();
    return { stdout: 'spuff-keys changed\n', stderr: '', exitCode: 0 };
  }

  requireLogin(target: SshTarget): void {
    if (this.unreachable.has(target.name)) throw new SpuffError('connection', `${target.name} is off`);
    if (!this.opens(target.name, target.publicKeyPath))
      throw new SpuffError('auth', `${target.name} let nobody in`);
  }

  get ssh(): Partial<Ssh> {
    return {
      findLoginKeys: async () => ({
        publicKeys: [],
        publicKeyPath: this.keys.ring.current?.publicPath ?? null,
        notes: [],
      }),
      run: async (target, argv) => {
        this.requireLogin(target);
        return this.change(target, argv);
      },
      runProven: async (target, argv, { onProven }) => {
        this.requireLogin(target);
        onProven(this.keys.keyAt(target.publicKeyPath)?.fingerprint ?? '');
        return this.change(target, argv);
      },
    };
  }

  readonly loginKeys: LoginKeyRegistry = {
    list: async () => [...this.registered],
    replace: async ({ removed, added }) => {
      this.step();
      if (added !== null) this.registered.add(added);
      this.step();
      this.registered.delete(removed);
      this.step();
    },
  };

  get context(): AppContext {
    return {
      home,
      signal: new AbortController().signal,
      runtime: { now: () => nowMs, sleep: async () => undefined, random: () => 0.5 },
      progress: silentProgress,
      settings: async () => ({ ...defaultSettings, provider: 'fake' }),
      state: async () => this.state,
      ssh: async () => this.ssh,
      provider: async () => ({ id: 'fake', loginKeys: this.loginKeys }),
    } as unknown as AppContext;
  }

  rotate(): Promise<RotationReport> {
    return rotateOwnKey(this.context, this.keys, () => onDisk);
  }
}

export async function makeKeyWorld(): Promise<KeyWorld> {
  const world = new KeyWorld();
  await world.begin();
  return world;
}
