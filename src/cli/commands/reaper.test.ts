import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import type { TimerHost } from '../../app/reaper-timer.ts';

let userHome: string;
beforeEach(() => {
  userHome = mkdtempSync(join(tmpdir(), 'spuff-timer-'));
});
afterEach(() => rmSync(userHome, { recursive: true }));

/** A computer with cron alone. */
function withCron(given: FakeRun = {}) {
  let crontab = '';
  const ok = { exitCode: 0, stdout: '', stderr: '', timedOut: false };
  const host: TimerHost = {
    ...{ platform: 'linux', userHome, env: { PATH: '/usr/bin' }, userId: process.getuid?.() ?? 0 },
    run: async (argv, stdin) => {
      if (argv[0] === 'systemctl') return { ...ok, exitCode: 1 };
      if (stdin !== undefined) crontab = stdin;
      return { ...ok, stdout: crontab };
    },
  };
  const run: FakeRun = { ...given, services: { openTimerHost: async () => host } };
  return { run: (argv: readonly string[]) => runLine(['reaper', ...argv], run), crontab: () => crontab };
}

it('installs, shows and removes a timer', async () => {
  const { run, crontab } = withCron();
  expect((await run(['status'])).out).toContain('no timer');
  expect(await run(['install', '--every', '10m', '--provider', 'hetzner', '--owner', 'me'])).toMatchObject({
    status: 0,
  });
  expect(crontab()).toMatch(/^\*\/10 .*'reap' '--once' '--no-input' '--provider' 'hetzner' '--owner' 'me'/);
  expect(crontab()).toContain("SPUFF_HOME='/home/someone/.spuff'");
  expect(JSON.parse((await run(['status', '--json'])).out)).toMatchObject({ kind: 'cron', active: true });
  expect(await run(['uninstall'])).toMatchObject({ status: 0 });
  expect(crontab()).toBe('');
});

it('says where the token comes from, and warns where there is none', async () => {
  expect((await withCron().run(['install'])).err).toContain('has no token for fake');
  const byCommand = withCron({ settings: { tokenCommand: 'pass token' } });
  expect((await byCommand.run(['install'])).err).toContain('from token_command');
  const path = join(userHome, 'env');
  writeFileSync(path, 'FAKE_TOKEN=hush-hush-hush\n', { mode: 0o600 });
  const byFile = withCron();
  const { err, out } = await byFile.run(['install', '--env-file', path]);
  expect(err).toContain(`read from ${path}`);
  expect(err + out + byFile.crontab()).not.toContain('hush');
});

it.each([
  [['install', '--every', '10s'], 'once a minute at most'],
  [['install', '--every', 'off'], 'once a minute at most'],
  [['install', '--kind', 'at'], 'systemd'],
  [['install', '--env-file', 'env'], 'absolute'],
  [['run', '--listen', '9775'], 'address and a port'],
  [['run', '--listen', '0.0.0.0:9775'], 'this computer alone'],
  [['run', '--every', 'off'], 'length of time'],
  [['workflow', 'jenkins'], 'github'],
])('refuses %j', async (argv, text) => {
  const { status, err } = await withCron().run(argv);
  expect(status).toBe(2);
  expect(err).toContain(text);
});

it('prints a job that takes the token from the secrets of the project', async () => {
  const { out, status } = await withCron().run(['workflow', 'github']);
  expect(status).toBe(0);
  expect(out).toContain('spuff@1.2.3 reap --once --provider fake');
  expect(out).toContain('FAKE_TOKEN: ${{ secrets.FAKE_TOKEN }}');
});
