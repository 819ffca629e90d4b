import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpuffError } from '../domain/errors.ts';
import type { ReaperTimer } from '../domain/timer-files.ts';
import {
  checkEnvironmentFile,
  findTimerKind,
  installTimer,
  type TimerHost,
  timerStatus,
  uninstallTimer,
} from './reaper-timer.ts';

let userHome: string;
beforeEach(() => {
  userHome = mkdtempSync(join(tmpdir(), 'spuff-timer-'));
});
afterEach(() => rmSync(userHome, { recursive: true }));

const timer: ReaperTimer = {
  argv: ['/usr/bin/node', '/opt/spuff.cjs', 'reap', '--once'],
  environment: {},
  environmentFile: null,
  everySeconds: 300,
};

/** The programs of a computer, as far as timers ask them; `missing` are not installed. */
function makeHost(missing: readonly string[] = [], platform: NodeJS.Platform = 'linux') {
  const asked: string[] = [];
  const active = new Set<string>();
  let crontab = '0 4 * * * backup\n';
  const ok = { exitCode: 0, stdout: '', stderr: '', timedOut: false };
  const host: TimerHost = {
    ...{ platform, userHome, env: {}, userId: process.getuid?.() ?? 0 },
    run: async (argv, stdin) => {
      const [program = '', ...rest] = argv;
      asked.push(argv.join(' '));
      if (missing.includes(program)) throw new SpuffError('unavailable', `${program} is not installed`);
      if (program === 'crontab' && rest[0] === '-l') return { ...ok, stdout: crontab };
      if (program === 'crontab') crontab = stdin ?? '';
      if (rest.includes('enable') || rest.includes('bootstrap')) active.add('timer');
      if (rest.includes('disable') || rest.includes('bootout')) active.delete('timer');
      const isQuestion = rest.includes('is-active') || rest.includes('print');
      return { ...ok, exitCode: isQuestion && !active.has('timer') ? 3 : 0 };
    },
  };
  return { host, asked, crontab: () => crontab };
}

it.each<[readonly string[], NodeJS.Platform, string]>([
  [[], 'linux', 'systemd'],
  [['systemctl'], 'linux', 'cron'],
  [[], 'darwin', 'launchd'],
])('without %j on %s it is of %s', async (missing, platform, kind) => {
  expect(await findTimerKind(makeHost(missing, platform).host)).toBe(kind);
});

it('says what else there is where there is no timer at all', async () => {
  const { host } = makeHost(['systemctl', 'crontab']);
  await expect(findTimerKind(host)).rejects.toMatchObject({ code: 'unsupported' });
});

describe.each(['systemd', 'launchd', 'cron'] as const)('a timer of %s', (kind) => {
  it('is installed, again without harm, and leaves nothing when it goes', async () => {
    const { host, crontab } = makeHost();
    expect(await timerStatus(host, kind)).toMatchObject({ installed: false, active: false, files: [] });
    for (let nth = 0; nth < 2; nth++)
      expect(await installTimer(host, kind, timer)).toMatchObject({ kind, installed: true, active: true });
    const { files } = await timerStatus(host, kind);
    expect(files).toHaveLength({ systemd: 2, launchd: 1, cron: 0 }[kind]);
    expect(
      crontab()
        .split('\n')
        .filter((line) => line.includes('spuff')),
    ).toHaveLength(kind === 'cron' ? 1 : 0);
    for (let nth = 0; nth < 2; nth++) await uninstallTimer(host, kind);
    expect(await timerStatus(host, kind)).toMatchObject({ installed: false, active: false });
    expect(files.filter((path) => existsSync(path))).toEqual([]);
    expect(
      readdirSync(userHome, { recursive: true, encoding: 'utf8' }).filter((name) => /spuff/.test(name)),
    ).toEqual([]);
    expect(crontab()).toBe('0 4 * * * backup\n');
  });
});

it('says what the system said when it refuses', async () => {
  const { host } = makeHost();
  const refusing = {
    ...host,
    run: async (argv: readonly string[]) => {
      const answer = await host.run(argv);
      return argv.includes('enable') ? { ...answer, exitCode: 1, stderr: 'no bus\nmore' } : answer;
    },
  };
  await expect(installTimer(refusing, 'systemd', timer)).rejects.toThrow(/no bus$/);
});

describe('a file of variables', () => {
  const check = (path: string) => checkEnvironmentFile(path, process.getuid?.() ?? 0);

  it('is taken when it is its user’s alone', () => {
    const path = join(userHome, 'env');
    writeFileSync(path, 'HCLOUD_TOKEN=x\n', { mode: 0o600 });
    expect(check(path)).toBe(path);
  });

  it('is refused otherwise', () => {
    const path = join(userHome, 'env');
    writeFileSync(path, '', { mode: 0o600 });
    symlinkSync(path, join(userHome, 'link'));
    expect(() => check(join(userHome, 'link'))).toThrow(/alone/);
    for (const mode of [0o640, 0o604, 0o666]) {
      chmodSync(path, mode);
      expect(() => check(path)).toThrow(/alone/);
    }
    expect(() => check('env')).toThrow(/absolute/);
    expect(() => check(join(userHome, 'none'))).toThrow();
    expect(() => checkEnvironmentFile(path, -1)).toThrow(/alone/);
  });
});
