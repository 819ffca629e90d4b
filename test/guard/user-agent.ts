/** The ssh-agent of the user whose keys a guard keeps: OpenSSH's own, with keys made for the test. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface KeyOptions {
  type?: 'ed25519' | 'rsa';
  options?: readonly string[];
}

export class UserAgent {
  readonly socketPath: string;
  readonly #folder: string;
  readonly #keys = new Map<string, readonly string[]>();
  #process: ChildProcess | null = null;

  /** @param folder is made, 0700 */
  constructor(folder: string) {
    this.#folder = folder;
    this.socketPath = join(folder, 'agent');
    mkdirSync(folder, { mode: 0o700 });
  }

  async start(): Promise<void> {
    // -D: in the foreground, so that its end is this process's to see to.
    this.#process = spawn('ssh-agent', ['-D', '-a', this.socketPath], { stdio: 'ignore' });
    while (!existsSync(this.socketPath)) await delay(2);
  }

  /**
   * Makes a key and loads it.
   * @param options of ssh-add, such as `-h forge`
   * @returns its public half, one line
   */
  addKey(name: string, { type = 'ed25519', options = [] }: KeyOptions = {}): string {
    const path = join(this.#folder, name);
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      type,
      ...(type === 'rsa' ? ['-b', '2048'] : []),
      '-N',
      '',
      '-C',
      name,
      '-f',
      path,
    ]);
    this.#keys.set(path, options);
    this.#sshAdd(['-q', ...options, path]);
    return readFileSync(`${path}.pub`, 'utf8').trim();
  }

  /** Loads a key that was removed, without options. */
  addAgain(name: string): void {
    const path = join(this.#folder, name);
    this.#keys.set(path, []);
    this.#sshAdd(['-q', path]);
  }

  removeKey(name: string): void {
    const path = join(this.#folder, name);
    this.#keys.delete(path);
    this.#sshAdd(['-q', '-d', path]);
  }

  /** Holds again what was loaded, and nothing else, in that order. */
  reload(): void {
    this.#sshAdd(['-q', '-D']);
    for (const [path, options] of this.#keys) this.#sshAdd(['-q', ...options, path]);
  }

  /** The public halves of what it holds; asked of itself, not through any guard. */
  keys(): string[] {
    const { stdout } = spawnSync('ssh-add', ['-L'], { env: this.#env(), encoding: 'utf8' });
    return stdout.trim().split('\n');
  }

  async stop(): Promise<void> {
    if (!this.#process) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    this.#process = null;
  }

  #sshAdd(args: readonly string[]): void {
    execFileSync('ssh-add', args, { env: this.#env(), stdio: 'pipe' });
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, SSH_AUTH_SOCK: this.socketPath };
  }
}
