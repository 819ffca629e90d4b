/** A project with a repository, and its machine, for tests of what goes between the two. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ProjectScene } from './project-scene.ts';
import type { Result } from './spuff-process.ts';

export interface SyncAnswer {
  brought: string[];
  removed: string[];
  conflicts: string[];
}

export class SyncScene extends ProjectScene {
  constructor() {
    super();
    this.write({ resources: { size: 'host' } });
    this.put('.gitignore', 'node_modules\nspuff.secrets.yaml\n*.env\n');
    this.git('init', '-q', '-b', 'main');
    this.git('config', 'user.name', 'Ann');
    this.git('config', 'user.email', 'ann@example.com');
  }

  put(name: string, text: string, mode = 0o644): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  git(...args: string[]): string {
    return execFileSync('git', ['-C', this.folder, ...args], { encoding: 'utf8' });
  }

  async up(): Promise<void> {
    await this.home.ok(['up', 'shop', '--no-connect'], { cwd: this.folder });
  }

  sync(...args: string[]): Promise<Result> {
    return this.spuff(['sync', 'shop', '--json', ...args]);
  }

  /** What `--json` says, also of one that ended with conflicts. */
  async report(...args: string[]): Promise<SyncAnswer> {
    const { stdout, stderr } = await this.sync(...args);
    if (stdout === '') throw new Error(stderr);
    return (JSON.parse(stdout) as { sync: SyncAnswer }).sync;
  }

  /** Runs a program in a folder of projects' on the machine. */
  there(...argv: string[]): Promise<string> {
    return this.inFolder('shop', ...argv);
  }

  inFolder(folder: string, ...argv: string[]): Promise<string> {
    return this.onMachine('sh', '-c', 'cd "$0" && exec "$@"', folder, ...argv);
  }
}
