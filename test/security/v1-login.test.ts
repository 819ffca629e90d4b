import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BootMachine, BootScene, type KeyPair } from '../e2e/boot-machine.ts';

// V1: one user, by key; no root, no password, a locked password.
describe('login on a machine after its first boot', () => {
  const scene = new BootScene();
  let login: KeyPair;
  let machine: BootMachine;

  beforeAll(async () => {
    login = await scene.makeLoginKey('login');
    machine = await scene.boot(login);
  });
  afterAll(() => scene.remove());

  it('lets the user in by key, and to root by sudo', async () => {
    expect(await machine.ssh('dev', ['sudo', '-n', 'id', '-u'])).toMatchObject({
      exitCode: 0,
      stdout: '0\n',
    });
  });

  it('refuses another key', async () => {
    const result = await machine.ssh('dev', ['true'], { key: await scene.makeLoginKey('stranger') });
    expect(result.exitCode).toBe(255);
    expect(result.stderr).toContain('Permission denied (publickey)');
  });

  it.each(['root', 'eve'])('refuses %s, also with a key that the account trusts', async (user) => {
    await machine.ok(['sh', '-c', 'id eve 2>/dev/null || useradd -m -s /bin/bash eve']);
    const install =
      'home=$(getent passwd "$1" | cut -d: -f6); mkdir -p -m 700 "$home/.ssh"; cat >"$home/.ssh/authorized_keys"; chown -R "$1" "$home/.ssh"';
    await machine.ok(['sh', '-c', install, 'sh', user], { stdin: login.publicKey });
    const result = await machine.ssh(user, ['true']);
    expect(result.exitCode).toBe(255);
    expect(result.stderr).toContain('Permission denied (publickey)');
  });

  it('refuses the right password, which works where the settings of the first boot are taken away', async () => {
    const weak = await scene.boot(login);
    await weak.ok(['chpasswd'], { stdin: 'dev:correct horse\nroot:correct horse\n' });
    const answer = join(scene.folder, 'askpass');
    writeFileSync(answer, '#!/bin/sh\necho correct horse\n');
    chmodSync(answer, 0o700);
    const logIn = (user: string) =>
      weak.ssh(user, ['true'], {
        sshArgs: ['-o', 'PreferredAuthentications=password', '-o', 'PubkeyAuthentication=no'],
        env: { SSH_ASKPASS: answer, SSH_ASKPASS_REQUIRE: 'force' },
      });
    for (const user of ['dev', 'root']) {
      const result = await logIn(user);
      expect(result.exitCode).toBe(255);
      expect(result.stderr).toMatch(/Authentications that can continue: publickey\r?\n/);
    }
    const settings = '/etc/ssh/sshd_config.d';
    await weak.ok(['rm', `${settings}/10-spuff.conf`, `${settings}/50-cloud-init.conf`]);
    await weak.ok(['systemctl', 'restart', 'ssh.service']);
    expect(await logIn('dev')).toMatchObject({ exitCode: 0 });
  });

  it('has locked passwords for the user and for root', async () => {
    expect(await machine.ok(['passwd', '-S', 'dev'])).toMatch(/^dev L /);
    expect(await machine.ok(['passwd', '-S', 'root'])).toMatch(/^root L /);
  });

  it('says so in the settings that sshd runs with', async () => {
    const settings = (await machine.ok(['sshd', '-T'])).split('\n');
    const wanted = [
      'permitrootlogin no',
      'passwordauthentication no',
      'kbdinteractiveauthentication no',
      'allowusers dev',
    ];
    const forwarding = [
      'allowtcpforwarding local',
      'allowstreamlocalforwarding local',
      'permittunnel no',
      'x11forwarding no',
    ];
    for (const line of [...wanted, ...forwarding, 'authenticationmethods publickey', 'permituserrc no']) {
      expect(settings).toContain(line);
    }
  });
});
