import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/domain/secret.ts';
import { hashAgentToken, makeAgentToken } from '../../src/lib/agent-token.ts';
import { type BootMachine, BootScene, type KeyPair } from '../e2e/boot-machine.ts';
import { formsOf, privateLines, searchMachine } from '../machine/search-machine.ts';

const apiToken = `dop_v1_${randomBytes(32).toString('hex')}`;

// V5: no private key, no API token, and of the agent's token the hash alone.
describe('secrets of the user on a machine', () => {
  const scene = new BootScene();
  let login: KeyPair;
  let machine: BootMachine;
  let agentToken: Secret;
  let needles: string[];

  beforeAll(async () => {
    process.env['DIGITALOCEAN_TOKEN'] = apiToken;
    process.env['SPUFF_API_TOKEN'] = apiToken;
    login = await scene.makeLoginKey('login');
    agentToken = makeAgentToken();
    needles = [...privateLines(login.path), ...formsOf(apiToken), ...formsOf(agentToken.reveal())];
    machine = await scene.boot(login, { agentTokenSha256: hashAgentToken(agentToken) });
    expect(await machine.ssh('dev', ['sudo', '-n', 'true'])).toMatchObject({ exitCode: 0 });
  });
  afterAll(async () => {
    delete process.env['DIGITALOCEAN_TOKEN'];
    delete process.env['SPUFF_API_TOKEN'];
    await scene.remove();
  });

  it('are on no disk and in no process', async () => {
    expect(needles.length).toBeGreaterThan(10);
    expect(await searchMachine(machine, needles)).toEqual([]);
  });

  it('leave their hash for the agent, where only root reads it', async () => {
    expect(await searchMachine(machine, [hashAgentToken(agentToken)])).toContain('/etc/spuff/agent.env');
    const asUser = await machine.run(['cat', '/etc/spuff/agent.env'], { user: 'dev' });
    expect(asUser.exitCode).not.toBe(0);
  });

  it('would be found: in a file, in an environment, in an argument', async () => {
    const [keyLine] = privateLines(login.path);
    const plant = `cat >/var/tmp/planted
line=$(cat /var/tmp/planted)
systemd-run --quiet --unit=planted-a --setenv="HIDDEN=$line" sleep 60
systemd-run --quiet --unit=planted-b sh -c 'sleep 60; : "$1"' sh "$line"
systemctl show --value -p MainPID planted-a planted-b`;
    for (const secret of [keyLine!, agentToken.reveal(), Buffer.from(`x${apiToken}`).toString('base64')]) {
      const pids = (await machine.ok(['sh', '-c', plant], { stdin: secret })).match(/\d+/g);
      const found = await searchMachine(machine, needles);
      expect(found).toContain('/var/tmp/planted');
      expect(found).toContain(`/proc/${pids?.[0]}/environ`);
      expect(found).toContain(`/proc/${pids?.[1]}/cmdline`);
      await machine.ok(['systemctl', 'stop', 'planted-a', 'planted-b']);
      await machine.ok(['rm', '/var/tmp/planted']);
    }
  });
});
