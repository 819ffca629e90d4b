import { lstatSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { makePrivateDirectory, toFileError } from '../lib/atomic-file.ts';

/** Where everything of spuff's lies on the user's machine. */
export interface HomePaths {
  home: string;
  /** The user's settings. */
  config: string;
  /** The local state; SQLite puts `-wal` and `-shm` beside it. */
  state: string;
  /** Sockets and locks: worthless after a reboot. */
  run: string;
  /** Keys of spuff's own. */
  keys: string;
  /** What can be fetched or built again. */
  cache: string;
  /** The debug log; a directory, because the log rotates. */
  log: string;
  /** Crash reports. */
  reports: string;
}

/**
 * The home directory of spuff: `SPUFF_HOME`, else `~/.spuff`. No I/O.
 * @throws SpuffError `config` for a relative `SPUFF_HOME`: it would be another one in each directory
 */
export function findHome(environment: NodeJS.ProcessEnv = process.env): string {
  const wanted = environment['SPUFF_HOME'] ?? '';
  if (wanted === '') return join(homedir(), '.spuff');
  if (isAbsolute(wanted)) return resolve(wanted);
  throw new SpuffError('config', `SPUFF_HOME is ${JSON.stringify(wanted)}, which is not an absolute path`, {
    hints: [`write the whole path: export SPUFF_HOME=${resolve(wanted)}`],
  });
}

/** The paths in a home directory. Pure. */
export function homePaths(home: string): HomePaths {
  return {
    home,
    config: join(home, 'config.yaml'),
    state: join(home, 'state.db'),
    run: join(home, 'run'),
    keys: join(home, 'keys'),
    cache: join(home, 'cache'),
    log: join(home, 'log'),
    reports: join(home, 'reports'),
  };
}

/**
 * Makes the home and the directories in it, 0700 each, and repairs those that are wider.
 * @throws SpuffError `permission` when one is a link or someone else's, or when the home is a directory of other things,
 * which to close to others would do harm; `state` when one can't be made
 */
export function ensureHome(paths: HomePaths): void {
  refuseForeignDirectory(paths);
  for (const path of [paths.home, paths.run, paths.keys, paths.cache, paths.log, paths.reports]) {
    makePrivateDirectory(path);
  }
}

/** `SPUFF_HOME=/etc` as root must not become `chmod 700 /etc`. */
function refuseForeignDirectory({ home, config, state, run }: HomePaths): void {
  const stat = lstatSync(home, { throwIfNoEntry: false });
  if (!stat?.isDirectory() || (stat.mode & 0o077) === 0) return;
  const isOurs = [config, state, run].some((path) => lstatSync(path, { throwIfNoEntry: false }));
  if (isOurs || isEmptyDirectory(home)) return;
  throw new SpuffError('permission', `${home} holds other things, and others can read it`, {
    hints: [`give spuff a directory of its own: export SPUFF_HOME=${join(home, 'spuff')}`],
  });
}

function isEmptyDirectory(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    throw toFileError(error, `look into ${path}`);
  }
}
