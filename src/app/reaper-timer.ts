/** The timer that runs a reaper on this computer: installed, looked at and taken away. */
import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { SpuffError } from '../domain/errors.ts';
import {
  cronLine,
  editCrontab,
  launchdFile,
  launchdLabel,
  type ReaperTimer,
  systemdFiles,
  timerName,
} from '../domain/timer-files.ts';
import { toFileError, writeFileAtomically } from '../lib/atomic-file.ts';
import type { ProcessResult } from '../lib/process.ts';

export const timerKinds = ['systemd', 'launchd', 'cron'] as const;
export type TimerKind = (typeof timerKinds)[number];

/** This computer, as far as a timer has to do with it. */
export interface TimerHost {
  platform: NodeJS.Platform;
  userHome: string;
  env: NodeJS.ProcessEnv;
  userId: number;
  run(argv: readonly string[], stdin?: string): Promise<ProcessResult>;
}

export interface TimerStatus {
  kind: TimerKind;
  installed: boolean;
  /** Whether it will run by itself. */
  active: boolean;
  /** The files that are there; of cron none. */
  files: string[];
}

/** The kind that this computer has. @throws SpuffError `unsupported` */
export async function findTimerKind(host: TimerHost): Promise<TimerKind> {
  if (host.platform === 'darwin') return 'launchd';
  if (await succeeds(host, ['systemctl', '--user', 'show-environment'])) return 'systemd';
  if (await succeeds(host, ['crontab', '-l'], true)) return 'cron';
  throw new SpuffError('unsupported', 'this computer has no user manager of systemd, and no cron', {
    hints: ['let it run in the foreground: spuff reaper run', 'or elsewhere: spuff reaper workflow github'],
  });
}

async function succeeds(host: TimerHost, argv: readonly string[], anyStatus = false): Promise<boolean> {
  try {
    return (await host.run(argv)).exitCode === 0 || anyStatus;
  } catch (error) {
    if (error instanceof SpuffError && error.code === 'unavailable') return false;
    throw error;
  }
}

/**
 * A file of variables that the user keeps: theirs alone, because the token is in it.
 * @throws SpuffError `permission` | `usage`
 */
export function checkEnvironmentFile(path: string, userId: number): string {
  if (!isAbsolute(path))
    throw new SpuffError('usage', `${JSON.stringify(path)} is not an absolute path`, {
      hints: ['write the whole path: a timer runs in another directory'],
    });
  let stat: ReturnType<typeof lstatSync>;
  try {
    stat = lstatSync(path);
  } catch (error) {
    throw toFileError(error, `read ${path}`);
  }
  if (stat.isFile() && stat.uid === userId && (stat.mode & 0o077) === 0) return path;
  throw new SpuffError('permission', `${path} is not a file of yours alone`, {
    hints: [`close it to others: chmod 600 ${path}`],
  });
}

function pathsOf(host: TimerHost, kind: TimerKind): string[] {
  if (kind === 'cron') return [];
  if (kind === 'launchd') return [join(host.userHome, 'Library', 'LaunchAgents', `${launchdLabel}.plist`)];
  const folder = join(host.env['XDG_CONFIG_HOME'] || join(host.userHome, '.config'), 'systemd', 'user');
  return [`${timerName}.service`, `${timerName}.timer`].map((name) => join(folder, name));
}

/** Safe to repeat: what is there is replaced. @throws SpuffError `unavailable` with what the system said */
export async function installTimer(
  host: TimerHost,
  kind: TimerKind,
  timer: ReaperTimer,
): Promise<TimerStatus> {
  const paths = pathsOf(host, kind);
  if (kind === 'cron') await writeCrontab(host, cronLine(timer));
  else {
    const contents = kind === 'systemd' ? Object.values(systemdFiles(timer)) : [launchdFile(timer)];
    for (const [at, path] of paths.entries()) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileAtomically(path, contents[at] ?? '');
    }
  }
  if (kind === 'systemd') {
    await must(host, ['systemctl', '--user', 'daemon-reload']);
    await must(host, ['systemctl', '--user', 'enable', '--now', `${timerName}.timer`]);
  }
  if (kind === 'launchd') {
    await host.run(['launchctl', 'bootout', `gui/${host.userId}/${launchdLabel}`]);
    await must(host, ['launchctl', 'bootstrap', `gui/${host.userId}`, paths[0] ?? '']);
  }
  return timerStatus(host, kind);
}

/** Leaves nothing of it. Absent is success. */
export async function uninstallTimer(host: TimerHost, kind: TimerKind): Promise<void> {
  if (kind === 'systemd') await host.run(['systemctl', '--user', 'disable', '--now', `${timerName}.timer`]);
  if (kind === 'launchd') await host.run(['launchctl', 'bootout', `gui/${host.userId}/${launchdLabel}`]);
  if (kind === 'cron') await writeCrontab(host, null);
  for (const path of pathsOf(host, kind)) rmSync(path, { force: true });
  if (kind === 'systemd') await must(host, ['systemctl', '--user', 'daemon-reload']);
}

export async function timerStatus(host: TimerHost, kind: TimerKind): Promise<TimerStatus> {
  const files = pathsOf(host, kind).filter((path) => lstatSync(path, { throwIfNoEntry: false }));
  if (kind === 'cron') {
    const text = await readCrontab(host);
    const installed = text !== '' && editCrontab(text, null) !== text;
    return { kind, installed, active: installed, files };
  }
  const argv =
    kind === 'systemd'
      ? ['systemctl', '--user', '--quiet', 'is-active', `${timerName}.timer`]
      : ['launchctl', 'print', `gui/${host.userId}/${launchdLabel}`];
  return { kind, installed: files.length > 0, active: await succeeds(host, argv), files };
}

async function readCrontab(host: TimerHost): Promise<string> {
  const { exitCode, stdout } = await host.run(['crontab', '-l']);
  // Without one, cron says so and fails.
  return exitCode === 0 ? stdout : '';
}

async function writeCrontab(host: TimerHost, line: string | null): Promise<void> {
  const before = await readCrontab(host);
  const after = editCrontab(before, line);
  if (after === before || (line === null && before === '')) return;
  await must(host, ['crontab', '-'], after);
}

async function must(host: TimerHost, argv: readonly string[], stdin?: string): Promise<void> {
  const { exitCode, stderr } = await host.run(argv, stdin);
  if (exitCode === 0) return;
  const [said = ''] = stderr.trim().split('\n');
  throw new SpuffError(
    'unavailable',
    `${argv.slice(0, 3).join(' ')} failed: ${said || `status ${exitCode}`}`,
    {
      hints: ['let it run in the foreground instead: spuff reaper run'],
    },
  );
}
