/** A user with a project, and its machine: made, set up and looked at by the built CLI. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { UserHome } from '../security/user-home.ts';
import { makeSpuffHome, type Result, type SpuffHome } from './spuff-process.ts';

export interface SetupReport {
  state: string;
  detail: string | null;
  parts: {
    kind: string;
    name: string;
    state: string;
    detail: string | null;
    items: { name: string; state: string; detail: string | null }[];
  }[];
}

export class ProjectScene {
  readonly user = new UserHome();
  readonly home: SpuffHome;
  /** The folder of the project, whose name is `shop`. */
  readonly folder: string;

  constructor() {
    this.user.startAgent();
    this.home = makeSpuffHome(this.user.env);
    this.folder = join(this.user.path, 'shop');
    mkdirSync(this.folder);
  }

  /** Runs a command of spuff's in the project. */
  spuff(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
    return this.home.spuff(args, { cwd: this.folder, env });
  }

  /** What a program on the machine prints, run as the login user. */
  async onMachine(...argv: string[]): Promise<string> {
    return (await this.spuff(['exec', 'shop', '--', ...argv])).stdout;
  }

  write(content: object): void {
    const file = { version: '1', name: 'shop', ...content };
    writeFileSync(join(this.folder, 'spuff.yaml'), JSON.stringify(file));
  }

  async setUp(content: object, args: readonly string[] = []): Promise<Result & { report: SetupReport }> {
    this.write(content);
    const result = await this.spuff(['setup', 'shop', '--json', ...args]);
    if (result.stdout === '') throw new Error(result.stderr);
    return { ...result, report: (JSON.parse(result.stdout) as { setup: SetupReport }).setup };
  }

  /** `spuff setup` in a process of its own, which is watched while it runs. */
  startSetup(): WatchedSetup {
    return new WatchedSetup(this.home.start(['setup', 'shop']));
  }

  /** A bare repository with one commit. */
  makeRepository(bare: string, files: Record<string, string>): void {
    const work = join(this.user.path, `work-${bare.split('/').at(-1)}`);
    mkdirSync(work);
    const git = (...args: string[]) => execFileSync('git', ['-C', work, ...args], { stdio: 'pipe' });
    git('init', '-q', '-b', 'main');
    for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-q', '-m', 'first');
    execFileSync('git', ['clone', '-q', '--bare', work, bare]);
  }

  async remove(): Promise<void> {
    await this.home.remove();
    this.user.remove();
  }
}

class WatchedSetup {
  said = '';
  readonly #child: ChildProcess;
  readonly #closed: Promise<[number | null]>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close') as Promise<[number | null]>;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        this.said += String(chunk);
      });
    }
    child.stdin?.end();
  }

  async sees(text: string): Promise<void> {
    await expect.poll(() => this.said, { timeout: 60_000 }).toContain(text);
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** @returns the exit status */
  async end(): Promise<number | null> {
    return (await this.#closed)[0];
  }
}

export function partOf(
  { parts }: SetupReport,
  kind: string,
  name?: string,
): SetupReport['parts'][number] | undefined {
  return parts.find((part) => part.kind === kind && (name === undefined || part.name === name));
}
