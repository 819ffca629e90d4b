import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTimed } from './measure.ts';

export interface BenchSetup {
  /** The Node that runs both spuff and its peer `node -e 0`. */
  node: string;
  /** The start of every spuff command line. */
  command: readonly string[];
  home: string;
  env: Record<string, string>;
  processor: string;
  spuff(args: readonly string[], directory?: string): Promise<{ ms: number; stdout: string }>;
  remove(): void;
}

/** A home of its own, a key of its own, and the base image. */
export async function makeSetup(project: string): Promise<BenchSetup> {
  const folder = mkdtempSync(join(tmpdir(), 'spuff-bench-'));
  const home = join(folder, 'home');
  const command = [process.execPath, join(project, 'dist', 'spuff.cjs')];
  // No agent: the peers and spuff log in with the same key file.
  const env = {
    ...{ SPUFF_HOME: home, SSH_AUTH_SOCK: '', HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') },
    // A reaper in the background would be measured along.
    SPUFF_BACKGROUND: 'off',
  };
  const spuff = (args: readonly string[], directory?: string) =>
    runTimed([...command, ...args], env, directory);
  await spuff(['init', '--yes']);
  await spuff(['image', 'build']);
  return {
    node: process.execPath,
    command,
    home,
    env,
    processor: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`,
    spuff,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
