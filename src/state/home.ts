import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import { makePrivateDirectory, toFileError } from '../lib/atomic-file.ts';
import { quoteArgument } from '../lib/shell-quote.ts';

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
  /** The debug log and the local log; a directory, because they rotate. */
  log: string;
  /** Where the local log ends; SQLite puts `-wal` and `-shm` beside it. */
  auditHead: string;
  /** Crash reports. */
  reports: string;
  /** Work that was saved from machines, encrypted. */
  rescued: string;
  /** What was done about incidents, with evidence. Made when there is one. */
  incidents: string;
  /** Which commands of projects may run on this computer. */
  trusted: string;
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
    auditHead: join(home, 'audit.db'),
    reports: join(home, 'reports'),
    rescued: join(home, 'rescued'),
    incidents: join(home, 'incidents'),
    trusted: join(home, 'trusted'),
  };
}

/**
 * Makes the home and the directories in it, 0700 each, and repairs those that are wider.
 * @throws SpuffError `permission` when one is a link or someone else's, or when the home is a directory of other things,
 * which to close to others would do harm; `state` when one can't be made
 */
export function ensureHome(paths: HomePaths): void {
  guardHome(paths);
  for (const path of [paths.home, paths.run, paths.keys, paths.cache, paths.log, paths.reports]) {
    makePrivateDirectory(path);
  }
}

/**
 * What every command does before it opens anything in the home: closes a home of ours that is open to others, and makes
 * nothing, so that looking leaves no trace. Three system calls on a home that is as it should be.
 * @throws SpuffError `permission` when the home is a link, someone else's, or a directory of other things
 */
export function guardHome({ home }: Pick<HomePaths, 'home'>): void {
  const stat = lstatOrNull(home);
  if (stat === null) return;
  if (stat.isDirectory() && (stat.mode & 0o077) !== 0) refuseForeignDirectory(home);
  makePrivateDirectory(home);
}

/** What spuff gives a name to in its home, and what a file system of its own brings along. */
const ownEntry =
  /^(?:config\.yaml.*|guard\.yaml.*|state\.db.*|audit\.db.*|run|keys|known_hosts|cache|log|reports|rescued|incidents|trusted|volumes|sync|lost\+found|\.[0-9a-f]{16}\.tmp)$/;

/** `SPUFF_HOME=/etc` as root must not become `chmod 700 /etc`: nor must it in a project that has a `config.yaml`. */
function refuseForeignDirectory(home: string): void {
  const names = listDirectory(home);
  if (names.includes('state.db') || names.every((name) => ownEntry.test(name))) return;
  throw new SpuffError('permission', `${home} holds other things, and others can read it`, {
    hints: [
      `give spuff a directory of its own: export SPUFF_HOME=${join(home, 'spuff')}`,
      `or close this one to others yourself: chmod 700 ${quoteArgument(home)}`,
    ],
  });
}

function lstatOrNull(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    throw toFileError(error, `use ${path}`);
  }
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    throw toFileError(error, `look into ${path}`);
  }
}
