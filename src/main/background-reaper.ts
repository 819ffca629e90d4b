/** Starts a reaper of its own after other commands, which does not wait for it. */
import { existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { AppContext } from '../app/context.ts';
import { ownerName } from '../app/owner.ts';
import { SpuffError } from '../domain/errors.ts';
import { homePaths } from '../state/home.ts';
import { takeReapStamp, wasReapedLately } from '../state/reap-stamp.ts';
import { ownProgram } from './own-program.ts';

/** Set to `off`, nothing is started: for tests, and for who wants that in one shell only. */
const switchVariable = 'SPUFF_BACKGROUND';

/**
 * At most once a minute, while there is an instance that a provider may have a machine of. Never fails: what can't be started
 * is a line in the debug log.
 */
export async function reapInBackground(context: AppContext, env: NodeJS.ProcessEnv): Promise<void> {
  const paths = homePaths(context.home);
  const nowMs = context.runtime.now();
  // A job of CI waits for all that it has started, and has nobody who comes back.
  if (env[switchVariable] === 'off' || env['CI'] || context.signal.aborted) return;
  try {
    if (wasReapedLately(paths.run, nowMs) || !existsSync(paths.state)) return;
    if (!(await context.state()).listInstances().some(({ vmId }) => vmId !== null)) return;
    if (!(await context.settings()).reapInBackground || !takeReapStamp(paths.run, nowMs)) return;
    await start(paths, env);
  } catch (error) {
    if (!(error instanceof SpuffError)) context.progress.trace('no reaper could be started');
    else context.progress.trace(`no reaper could be started: ${error.message}`);
  }
}

/**
 * It is this program again, of the same user, and gets the environment as it is (S1): it asks the providers, and
 * `token_command` may need what a password manager has put there.
 */
async function start(paths: ReturnType<typeof homePaths>, env: NodeJS.ProcessEnv): Promise<void> {
  const [{ startProcess }, { makePrivateDirectory }] = await Promise.all([
    import('../lib/process.ts'),
    import('../lib/atomic-file.ts'),
  ]);
  makePrivateDirectory(paths.log);
  const said = openSync(join(paths.log, 'reap.log'), 'w', 0o600);
  const argv = [...ownProgram, 'reap', '--once', '--owner', ownerName(), '--no-input'];
  const own = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const child = await startProcess(argv, {
    stdio: ['ignore', said, said],
    cwd: paths.home,
    detached: true,
    env: Object.fromEntries(own),
  });
  child.unref();
}
