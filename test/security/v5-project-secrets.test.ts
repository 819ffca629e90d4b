/** V5: what a project's variables hold is in memory on its machine, for the login user's programs alone, and in no log. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppContext } from '../../src/app/context.ts';
import { sendSetup } from '../../src/app/send-setup.ts';
import { buildSetupOrder } from '../../src/app/setup-order.ts';
import type { Instance } from '../../src/domain/instance.ts';
import { emptyProject } from '../../src/domain/project.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { RunOptions, Ssh } from '../../src/domain/ssh.ts';
import { AgentMachine, until } from '../e2e/agent-machine.ts';
import { BootScene } from '../e2e/boot-machine.ts';
import { sampleInstance } from '../fakes/sample-instance.ts';
import { formsOf, searchMachine } from '../machine/search-machine.ts';

interface Status {
  run: string | null;
  state: string;
  detail: string | null;
  parts: { kind: string; name: string; state: string; detail: string | null }[];
}

describe('the variables of a project on its machine', () => {
  const scene = new BootScene();
  const secret = `canary-${randomBytes(24).toString('base64url')}`;
  const needles = formsOf(secret);
  let agent: AgentMachine;
  let instance: Instance;

  beforeAll(async () => {
    agent = await AgentMachine.start(scene, await scene.makeLoginKey('login'));
    instance = { ...sampleInstance(), name: 'demo', user: 'dev' };
  });
  afterAll(async () => {
    agent.closeTunnel();
    await scene.remove();
  });

  /** As the CLI sends it, past sshd: the login user's command with the order on its standard input. */
  async function send(change: { run: string; setup: readonly string[]; keepEnv?: boolean }): Promise<void> {
    const project = { ...emptyProject('/work/spuff.yaml', '/work', 'shop'), setup: change.setup };
    const order = buildSetupOrder(
      { ...project, keepEnv: change.keepEnv ?? false },
      { user: 'dev', bundles: [], aiTools: [] },
    );
    const run = (_: unknown, argv: readonly string[], { stdin }: RunOptions = {}) =>
      agent.machine.run(argv, { user: 'dev', stdin: stdin ?? '' });
    const context = {
      ssh: async () => ({ run }) as unknown as Ssh,
      signal: new AbortController().signal,
    } as unknown as AppContext;
    const prepared = { order, env: new Map([['SHOP_KEY', new Secret(secret)]]) };
    const request = { run: change.run, only: null, again: true, lends: false };
    expect(await sendSetup(context, instance, prepared, request)).toBe('started');
  }

  const status = async () => (await agent.get('/project/status')) as Status;
  const ended = (run: string) =>
    until(async () => {
      const now = await status();
      return now.run === run && now.state !== 'in_progress';
    });
  const running = (run: string) =>
    until(
      async () =>
        (await status()).run === run &&
        (await agent.machine.run(['test', '-e', '/tmp/at-work'])).exitCode === 0,
    );

  it('are in memory alone while a command runs, and in no argument', async () => {
    const works = 'echo "the key is $SHOP_KEY"; touch /tmp/at-work; until [ -e /tmp/go ]; do sleep 0.2; done';
    await send({ run: 'first', setup: [works] });
    await running('first');
    const found = await searchMachine(agent.machine, needles);
    const inMemory = ['/run/spuff/setup/order.json', '/run/spuff/env/session.sh'];
    expect(found.filter((path) => !/^\/proc\/\d+\/environ$/.test(path)).sort()).toEqual(inMemory.sort());
    expect(await agent.machine.ok(['findmnt', '-no', 'FSTYPE', '-T', '/run/spuff'])).toBe('tmpfs\n');
    // Whatever has them in its environment is the login user's, and none of spuff's own programs.
    for (const path of found.filter((one) => one.endsWith('/environ'))) {
      const folder = path.replace('/environ', '');
      const owner = await agent.machine.run(['stat', '-c', '%U', folder]);
      if (owner.exitCode === 0) expect(owner.stdout).toBe('dev\n');
    }
    const asOther =
      'cat /run/spuff/env/* /run/spuff/setup/* /proc/[0-9]*/environ /var/log/spuff-setup/* 2>/dev/null; true';
    const seen = await agent.machine.run(['sh', '-c', asOther], { user: 'nobody' });
    for (const needle of needles) expect(seen.stdout).not.toContain(needle);
    await agent.machine.ok(['touch', '/tmp/go']);
    await ended('first');
    expect((await status()).state).toBe('done');
  });

  it('are in no log, no status and no answer of the agent', async () => {
    const log = await agent.machine.ok(['cat', '/var/log/spuff-setup/scripts/001.log']);
    expect(log).toContain('the key is [redacted]\n');
    const answers = [
      '/project/config',
      '/project/status',
      '/devtools',
      '/logs?file=spuff-setup/scripts/001.log',
    ];
    for (const path of answers) {
      const text = JSON.stringify(await agent.get(path));
      for (const needle of needles) expect(text, path).not.toContain(needle);
    }
    expect(JSON.stringify(await agent.get('/project/config'))).toContain('"envNames":["SHOP_KEY"]');
    const journal = await agent.machine.ok(['journalctl', '--no-pager']);
    for (const needle of needles) expect(journal).not.toContain(needle);
  });

  it('would be found in a log that did not take them out', async () => {
    await agent.machine.ok(['tee', '/var/log/spuff-setup/planted.log'], { stdin: `${secret}\n` });
    expect(await searchMachine(agent.machine, needles)).toContain('/var/log/spuff-setup/planted.log');
    await agent.machine.ok(['rm', '/var/log/spuff-setup/planted.log']);
  });

  it('are nowhere after a reboot, which ends a setup and says so', async () => {
    await agent.machine.ok(['rm', '-f', '/tmp/at-work', '/tmp/go']);
    await send({ run: 'second', setup: ['touch /tmp/at-work; sleep 4711', 'true'] });
    await running('second');
    await agent.machine.reboot();
    expect(await searchMachine(agent.machine, needles)).toEqual([]);
    await agent.openTunnel();
    const now = await status();
    expect(now).toMatchObject({ run: 'second', state: 'failed' });
    expect(now.detail).toContain('the machine went down');
    expect(now.parts.map(({ state }) => state)).toEqual(['failed', 'skipped']);
    // Nothing is left to go on with, which is said as well.
    expect(await agent.post('/project/setup', {})).toEqual({ outcome: 'started' });
    await until(async () => (await status()).detail?.includes('a reboot forgets it') ?? false);
  });

  it('outlive a reboot where the user wants that, and are gone when it is not wanted any more', async () => {
    await send({ run: 'third', setup: ['true'], keepEnv: true });
    await ended('third');
    await agent.machine.reboot();
    const printed = await agent.machine.ssh('dev', ['printenv', 'SHOP_KEY']);
    expect(printed.stdout).toBe(`${secret}\n`);
    expect(await agent.machine.ok(['stat', '-c', '%a %U', '/var/lib/spuff/setup/order.json'])).toBe(
      '600 root\n',
    );
    await send({ run: 'fourth', setup: ['true'] });
    await agent.openTunnel();
    await ended('fourth');
    await agent.machine.reboot();
    expect(await searchMachine(agent.machine, needles)).toEqual([]);
  });

  it('are not sent where they would lie on a disk', async () => {
    const script = 'umount -l /run 2>/dev/null; findmnt -no FSTYPE -T /run';
    expect((await agent.machine.ok(['unshare', '-m', 'sh', '-c', script])).trim()).not.toBe('tmpfs');
    const run = (_: unknown, argv: readonly string[], { stdin }: RunOptions = {}) =>
      agent.machine.run(['unshare', '-m', 'sh', '-c', 'umount -l /run; shift 2; exec "$@"', 'x', ...argv], {
        stdin: stdin ?? '',
      });
    const context = {
      ssh: async () => ({ run }) as unknown as Ssh,
      signal: new AbortController().signal,
    } as unknown as AppContext;
    const order = buildSetupOrder(emptyProject('/work/spuff.yaml', '/work', 'shop'), {
      ...{ user: 'dev', bundles: [], aiTools: [] },
    });
    const prepared = { order, env: new Map([['SHOP_KEY', new Secret(secret)]]) };
    const request = { run: 'fifth', only: null, again: false, lends: false };
    await expect(sendSetup(context, instance, prepared, request)).rejects.toThrow('is not in memory');
    expect(await searchMachine(agent.machine, needles)).toEqual([]);
  });
});
