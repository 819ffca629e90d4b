/** A project here, and a folder in the place of its machine, where the programs that are sent there are run. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AppContext } from '../../src/app/context.ts';
import { SpuffError } from '../../src/domain/errors.ts';
import { silentProgress } from '../../src/domain/progress.ts';
import { emptyProject, type ProjectFile } from '../../src/domain/project.ts';
import type { Ssh } from '../../src/domain/ssh.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { runProcess } from '../../src/lib/process.ts';
import { MemoryState } from './memory-state.ts';
import { sampleInstance } from './sample-instance.ts';

export class SyncWorld {
  readonly base = mkdtempSync(join(tmpdir(), 'spuff-sync-'));
  readonly root = join(this.base, 'shop');
  /** In the place of the home there. */
  readonly machine = join(this.base, 'machine');
  readonly instance = sampleInstance();
  readonly state = new MemoryState([this.instance]);
  readonly warnings: string[] = [];
  readonly stop = new AbortController();
  /** Thrown by the next program that is to run there. */
  failure: SpuffError | null = null;
  /** How often something was asked of the machine. */
  asked = 0;
  /** Done when files have just arrived. */
  meanwhile: () => void = () => undefined;
  project: ProjectFile;

  constructor() {
    mkdirSync(this.root);
    mkdirSync(this.machine);
    mkdirSync(join(this.base, 'home'), { mode: 0o700 });
    this.project = { ...emptyProject(join(this.root, 'spuff.yaml'), this.root, 'shop'), sync: 'rsync' };
  }

  get context(): AppContext {
    const run: Ssh['run'] = async (_, argv, options = {}) => {
      this.asked++;
      const { failure } = this;
      this.failure = null;
      if (failure) throw failure;
      const here = argv.map((word) => word.replace(/^\/home\/dev/, this.machine));
      const result = await runProcess(here, { ...options, maxBytes: 64 * 1024 * 1024 });
      if (argv.some((word) => word.includes('tar -x'))) this.meanwhile();
      return result;
    };
    const sendTree: Ssh['sendTree'] = () =>
      Promise.reject(new SpuffError('unavailable', 'there is no rsync in this test'));
    return {
      ...{ home: join(this.base, 'home'), directory: this.root, signal: this.stop.signal },
      runtime: systemRuntime,
      progress: { ...silentProgress, warn: (text: string) => this.warnings.push(text) },
      state: async () => this.state,
      ssh: async () => ({ run, sendTree }) as Partial<Ssh> as Ssh,
    } as Partial<AppContext> as AppContext;
  }

  put(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  putThere(path: string, text: string): void {
    mkdirSync(dirname(join(this.machine, 'shop', path)), { recursive: true });
    writeFileSync(join(this.machine, 'shop', path), text);
  }

  there(path: string): string {
    return readFileSync(join(this.machine, 'shop', path), 'utf8');
  }

  git(...args: string[]): string {
    return this.#git(this.root, args);
  }

  gitThere(...args: string[]): string {
    return this.#git(join(this.machine, 'shop'), args);
  }

  #git(folder: string, args: readonly string[]): string {
    const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com'];
    return execFileSync('git', ['-C', folder, ...who, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
  }

  commit(text: string): void {
    this.git('add', '-A');
    this.git('commit', '-q', '--allow-empty', '-m', text);
  }

  remove(): void {
    rmSync(this.base, { recursive: true });
  }
}
