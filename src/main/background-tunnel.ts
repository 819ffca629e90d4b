/** Starts this program again for a tunnel that nobody waits for. */
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BackgroundTunnel } from '../cli/cli.ts';
import { makePrivateDirectory } from '../lib/atomic-file.ts';
import { startProcess } from '../lib/process.ts';
import type { HomePaths } from '../state/home.ts';
import { ownProgram } from './own-program.ts';

/**
 * It needs no provider, so it gets no credential (S1). What it says goes to `<home>/log/tunnel-ID.log`.
 * @param which its id, and those of the others that run: the logs of all that don't are removed
 */
export async function startBackgroundTunnel(
  paths: HomePaths,
  which: { id: string; living: readonly string[] },
  args: readonly string[],
): Promise<BackgroundTunnel> {
  makePrivateDirectory(paths.log);
  removeOldLogs(paths.log, which.living);
  const logPath = join(paths.log, `tunnel-${which.id}.log`);
  const said = openSync(logPath, 'w', 0o600);
  const child = await startProcess([...ownProgram, ...args], {
    stdio: ['ignore', said, said],
    cwd: paths.home,
    detached: true,
  });
  child.unref();
  return {
    ended: once(child, 'exit').then(() => readFileSync(logPath, 'utf8')),
    kill: () => void child.kill('SIGTERM'),
  };
}

function removeOldLogs(directory: string, living: readonly string[]): void {
  for (const name of readdirSync(directory)) {
    const id = /^tunnel-([0-9a-f]{8})\.log$/.exec(name)?.[1];
    if (id !== undefined && !living.includes(id)) rmSync(join(directory, name), { force: true });
  }
}
