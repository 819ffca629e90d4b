/** What a project asks of its machine, by the built CLI on a real machine: how it goes on, stops and is watched. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RootOnMachine } from '../machine/search-machine.ts';
import { ProjectScene, partOf } from './project-scene.ts';
import { rootOf } from './root-of-instance.ts';

let scene: ProjectScene;
let machine: RootOnMachine;

beforeAll(() => {
  scene = new ProjectScene();
});
afterAll(() => scene.remove());

const base = {
  packages: ['tree', 'no-such-package-of-spuff', 'bc'],
  env: { GREETING: "it's $$5", SHOP_PASSWORD: 'canary-of-the-shop' },
};
const commands = [
  'echo ran >>~/ran; echo begins; echo "$SHOP_PASSWORD"',
  'test -e ~/ready',
  'echo last >>~/ran',
];

describe('up in a project', () => {
  it('says which package there is none of, brings the others, and keeps the machine', async () => {
    scene.write({ ...base, setup: commands });
    const up = await scene.spuff(['up', '--no-connect']);
    expect(up.stderr).toContain('no-such-package-of-spuff: there is no such package');
    expect(up.stderr).toContain('error: shop is there, but not set up: packages failed');
    expect(up.stderr).toContain('hint: go on where it stands: spuff setup shop');
    expect(up.exitCode).toBe(17);
    machine = await rootOf(scene.home, 'shop');
    const there = await scene.onMachine('dpkg-query', '-W', '-f', '${Package} ${Status}\\n', 'tree', 'bc');
    expect(there).toBe('bc install ok installed\ntree install ok installed\n');
    // What stands on the packages was not tried.
    expect(await scene.onMachine('cat', '/home/dev/ran')).toBe('');
  });
});

describe('setup', () => {
  it('stops at the first command that fails, and goes on there the next time', async () => {
    const content = { ...base, packages: ['tree', 'bc'], setup: commands };
    const first = await scene.setUp(content);
    expect(first.exitCode).toBe(17);
    expect(first.stderr).toContain('setup command 2 failed');
    const scripts = ['001', '002', '003'];
    expect(scripts.map((name) => partOf(first.report, 'script', name)?.state)).toEqual([
      'done',
      'failed',
      'skipped',
    ]);
    await scene.onMachine('touch', '/home/dev/ready');
    const second = await scene.setUp(content);
    expect(second).toMatchObject({ exitCode: 0, report: { state: 'done' } });
    expect(await scene.onMachine('cat', '/home/dev/ran')).toBe('ran\nlast\n');
  });

  it('keeps the values of variables out of its logs, which the options of logs find', async () => {
    const { stdout } = await scene.spuff(['logs', '--script', '1']);
    expect(stdout).toContain('begins\n[redacted]\n');
    expect(stdout).not.toContain('canary-of-the-shop');
    expect((await scene.spuff(['logs', '--packages'])).stdout).toContain('Setting up tree');
    expect((await scene.spuff(['logs', '--setup'])).stdout).toContain('setup command 2: failed');
  });

  it('gives variables to sessions, commands and tmux of the login user, and to nobody else', async () => {
    expect(await scene.onMachine('printenv', 'GREETING')).toBe("it's $5\n");
    expect((await scene.spuff(['ssh', '--', 'printenv', 'GREETING'])).stdout).toBe("it's $5\n");
    expect((await scene.spuff(['exec', '-t', '--', 'bash', '-ic', 'echo "[$GREETING]"'])).stdout).toContain(
      "[it's $5]",
    );
    await scene.onMachine('tmux', 'new-session', '-d', 'printenv GREETING >/tmp/tmux.txt');
    await expect.poll(() => scene.onMachine('cat', '/tmp/tmux.txt')).toBe("it's $5\n");
    await expect(machine.ok(['bash', '-lc', 'printenv GREETING'])).rejects.toThrow();
    await machine.ok(['useradd', '-m', '-s', '/bin/bash', 'other']);
    await expect(machine.ok(['su', '-', 'other', '-c', 'printenv GREETING'])).rejects.toThrow();
    await expect(machine.ok(['su', 'other', '-c', 'cat /run/spuff/env/session.sh'])).rejects.toThrow(
      'denied',
    );
    // A shell below one that has them keeps what was changed there.
    expect(await scene.onMachine('bash', '-c', 'GREETING=mine bash -ic "printenv GREETING"')).toContain(
      'mine',
    );
  });

  it('repeats what is done when told to, and only the parts that are named', async () => {
    const content = { ...base, packages: ['tree', 'bc', 'no-such-package-of-spuff'], setup: commands };
    const again = await scene.setUp(content, ['--only', 'scripts', '--again']);
    expect(again).toMatchObject({ exitCode: 0, report: { state: 'done' } });
    expect(partOf(again.report, 'packages')?.state).toBe('skipped');
    expect(await scene.onMachine('cat', '/home/dev/ran')).toBe('ran\nlast\nran\nlast\n');
  });

  it('leaves a machine that counts as in use while it runs, on which a lost connection and Ctrl-C change nothing', async () => {
    await scene.onMachine('rm', '-f', '/tmp/go');
    scene.write({ setup: ['until [ -e /tmp/go ]; do sleep 0.2; done; echo went >>~/ran'] });
    const watching = scene.startSetup();
    await watching.sees('setup command 1');
    const activity = JSON.parse((await scene.spuff(['agent', 'activity', '--json'])).stdout) as {
      activity: { idle: { keptOnBy: string[] } };
    };
    expect(activity.activity.idle.keptOnBy).toContain('the project is being set up');
    // All that the user has on the machine by way of SSH.
    await machine.ok(['sh', '-c', 'kill $(pgrep -u dev -x sshd)']);
    await watching.sees('is reached again');
    watching.interrupt();
    expect(await watching.end()).toBe(130);
    expect(watching.said).toContain('the setup goes on on shop');
    const joined = scene.startSetup();
    await joined.sees('a setup is at work on shop already');
    await scene.onMachine('touch', '/tmp/go');
    expect(await joined.end()).toBe(0);
    expect(await scene.onMachine('tail', '-n', '1', '/home/dev/ran')).toBe('went\n');
  });

  it('is ended by --stop, with all that it has started', async () => {
    scene.write({ setup: ['sleep 4711'] });
    const watching = scene.startSetup();
    await watching.sees('setup command 1');
    expect((await scene.spuff(['setup', '--stop'])).stdout).toContain('is ended');
    expect(await watching.end()).toBe(17);
    expect(watching.said).toContain('setup command 1 FAILED');
    await expect(machine.ok(['pgrep', '-fx', 'sleep 4711'])).rejects.toThrow();
    expect((await scene.spuff(['setup', '--stop'])).stdout).toContain('no setup is at work');
  });

  it('that is killed is said to be cut off, and can be gone on with', async () => {
    const watching = scene.startSetup();
    await watching.sees('setup command 1');
    await machine.ok(['systemctl', 'kill', '--signal=SIGKILL', 'spuff-setup.service']);
    expect(await watching.end()).toBe(17);
    expect(watching.said).toContain('setup command 1 FAILED');
    expect((await scene.spuff(['status', '--detailed'])).stdout).toContain('cut off: its process was killed');
    expect(await scene.setUp({ setup: ['true'] })).toMatchObject({ exitCode: 0 });
  });
});
