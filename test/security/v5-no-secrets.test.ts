import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Secret } from '../../src/domain/secret.ts';
import { hashAgentToken, makeAgentToken } from '../../src/lib/agent-token.ts';
import { type BootMachine, BootScene, type KeyPair } from '../e2e/boot-machine.ts';

const apiToken = `dop_v1_${randomBytes(32).toString('hex')}`;

/** A secret in the forms that it may have been written down in. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 of the same bytes looks different at each of three offsets; the ends depend on their neighbours.
  const base64 = [0, 1, 2].map((skip) => bytes.subarray(skip).toString('base64').slice(0, -4));
  return [secret, bytes.toString('hex'), ...base64.map((text) => text.slice(0, 40))];
}

/** The lines of a private key that hold its private half: no public key shares them. */
function privateLines(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(3, -2);
}

/**
 * Every file on every file system of the machine that holds one of the texts, and every process with one in its
 * environment or its arguments. The texts come by standard input, so that the search does not find itself.
 */
async function search(machine: BootMachine, needles: readonly string[]): Promise<string[]> {
  const script = `set -u
needles=$(cat)
look() { printf '%s\\n' "$needles" | grep -laF -f - "$@" 2>/dev/null; }
look -r --exclude-dir=proc --exclude-dir=sys --devices=skip /
look /proc/[0-9]*/environ /proc/[0-9]*/cmdline
true`;
  const found = await machine.ok(['bash', '-c', script], { stdin: needles.join('\n') });
  return found
    .trim()
    .split('\n')
    .filter((line) => line !== '');
}

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
    expect(await search(machine, needles)).toEqual([]);
  });

  it('leave their hash for the agent, where only root reads it', async () => {
    expect(await search(machine, [hashAgentToken(agentToken)])).toContain('/etc/spuff/agent.env');
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
      const found = await search(machine, needles);
      expect(found).toContain('/var/tmp/planted');
      expect(found).toContain(`/proc/${pids?.[0]}/environ`);
      expect(found).toContain(`/proc/${pids?.[1]}/cmdline`);
      await machine.ok(['systemctl', 'stop', 'planted-a', 'planted-b']);
      await machine.ok(['rm', '/var/tmp/planted']);
    }
  });
});
