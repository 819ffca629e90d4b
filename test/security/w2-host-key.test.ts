/** W2 against real sshds on loopback: who is believed, who is not, and what those who are not get to see. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KnownIdentity } from '../../src/domain/instance.ts';
import type { SshTarget } from '../../src/domain/ssh.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';
import { bootingWith, establish, type HostKeyPair, SshScene } from '../loopback/scene.ts';

let scene: SshScene;
beforeAll(() => {
  scene = new SshScene();
});
afterAll(() => scene.remove());

const refused = expect.objectContaining({ code: 'host-identity' });
/** Logs all that it is told, lets anybody in with any key of ours, and would run what it is given. */
const eager = { sshdConfig: 'LogLevel DEBUG3\nPasswordAuthentication yes\nAuthenticationMethods any\n' };

/** Everything that speaks to a machine. */
function everyWay(target: SshTarget): ReadonlyArray<readonly [string, () => Promise<unknown>]> {
  const { ssh } = scene;
  const session = { tty: false, shared: true, forwardAgent: false } as const;
  return [
    ['run', () => ssh.run(target, ['true'], { stdin: 'canary-of-stdin' })],
    ['session', () => ssh.openSession(target, ['true'], session)],
    ['login shell', () => ssh.openSession(target, null, { ...session, shared: false })],
    [
      'lent agent',
      () => ssh.openSession(target, ['true'], { ...session, shared: false, forwardAgent: 'raw' }),
    ],
    ['copy', () => ssh.copy(target, { from: ['/etc/hostname'], to: ':' }, { recursive: false })],
    ['channel', () => ssh.openChannel(target)],
  ];
}

/** The impostor's own log shows a key exchange that we broke off: no login was tried, no command or input arrived. */
function expectNothingSent(impostor: LoopbackMachine): void {
  expect(impostor.log()).toMatch(/kex: algorithm:|SSH2_MSG_KEXINIT/);
  expect(impostor.log()).not.toMatch(
    /userauth-request|Accepted|Failed|publickey|session opened|Starting session/i,
  );
  expect(impostor.commands()).toEqual([]);
}

describe('someone in the middle before first contact', () => {
  it('is refused, and gets nothing', async () => {
    const impostor = await scene.start(scene.makeHostKey(), eager);
    const target = scene.target(impostor, bootingWith(scene.makeHostKey()));
    await expect(establish(scene.ssh, target)).rejects.toEqual(refused);
    expectNothingSent(impostor);
  });

  it('is refused when it has no ed25519 key at all', async () => {
    const hostKey = scene.makeHostKey();
    const impostor = await scene.start(hostKey, {
      sshdConfig:
        'HostKey /etc/ssh/ssh_host_ecdsa_key\nHostKeyAlgorithms ecdsa-sha2-nistp256\nLogLevel DEBUG3\n',
    });
    const path = impostor.path('/etc/ssh/ssh_host_ecdsa_key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', path]);
    await impostor.stop();
    await impostor.boot();
    const target = scene.target(impostor, bootingWith(hostKey));
    await expect(establish(scene.ssh, target)).rejects.toEqual(refused);
    expectNothingSent(impostor);
  });
});

describe('before the machine has proved its own key', () => {
  it.each(['booting', 'rotating'] as const)(
    'nothing but first contact speaks to it while %s',
    async (phase) => {
      const hostKey = scene.makeHostKey();
      const machine = await scene.start(hostKey);
      machine.clearLog();
      const identity: KnownIdentity =
        phase === 'booting'
          ? bootingWith(hostKey)
          : { phase, injectedPublicKey: hostKey.publicKey, newPublicKey: scene.makeHostKey().publicKey };
      for (const [way, speak] of everyWay(scene.target(machine, identity))) {
        await expect(speak(), way).rejects.toEqual(refused);
      }
      expect(machine.log()).toBe('');
    },
  );
});

describe('while rotating', () => {
  it('someone in the middle is refused, and gets nothing', async () => {
    const impostor = await scene.start(scene.makeHostKey(), eager);
    const { publicKey } = scene.makeHostKey();
    const target = scene.target(impostor, {
      phase: 'rotating',
      injectedPublicKey: scene.makeHostKey().publicKey,
      newPublicKey: publicKey,
    });
    await expect(establish(scene.ssh, target)).rejects.toEqual(refused);
    expectNothingSent(impostor);
  });

  it('someone who has read the user data can not put another key in the place of the one that was shown', async () => {
    const injected = scene.makeHostKey();
    const thief = await scene.start(injected);
    const target = scene.target(thief, {
      phase: 'rotating',
      injectedPublicKey: injected.publicKey,
      newPublicKey: scene.makeHostKey().publicKey,
    });
    const saved: KnownIdentity[] = [];
    await expect(establish(scene.ssh, target, { save: (identity) => saved.push(identity) })).rejects.toEqual(
      refused,
    );
    expect(saved).toEqual([]);
  });
});

describe('after the machine has proved its own key', () => {
  let injected: HostKeyPair;
  let machine: LoopbackMachine;
  let target: SshTarget;
  beforeAll(async () => {
    injected = scene.makeHostKey();
    machine = await scene.start(injected);
    const booting = scene.target(machine, bootingWith(injected));
    target = { ...booting, identity: (await establish(scene.ssh, booting)).identity };
  });

  it('the machine has made that key itself: it is neither the one we gave it nor known to us in private', async () => {
    if (target.identity.phase !== 'pinned') throw new TypeError('not pinned');
    expect(target.identity.publicKey).toBe(machine.hostPublicKey());
    expect(target.identity.publicKey).not.toBe(injected.publicKey.split(' ').slice(0, 2).join(' '));
    expect(spawnSync('grep', ['-rl', 'PRIVATE KEY', scene.home], { encoding: 'utf8' }).stdout).toBe('');
  });

  it.each(['run', 'session', 'login shell', 'lent agent', 'copy', 'channel'])(
    'someone in the middle is refused: %s',
    async (way) => {
      const impostor = await scene.start(scene.makeHostKey(), eager);
      const misled = { ...target, port: impostor.port };
      const speak = everyWay(misled).find(([name]) => name === way)?.[1];
      await expect(speak?.()).rejects.toEqual(refused);
      expectNothingSent(impostor);
      expect(impostor.log()).not.toContain('canary-of-stdin');
    },
  );

  it.each(['run', 'session', 'login shell', 'lent agent', 'copy', 'channel'])(
    'the one-time key is refused as revoked, with what may have happened: %s',
    async (way) => {
      const thief = await scene.start(injected, eager);
      const misled = { ...target, port: thief.port };
      const speak = everyWay(misled).find(([name]) => name === way)?.[1];
      const failure = await speak?.().then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toEqual(refused);
      expect(String(failure)).toContain('one-time boot key, which is revoked');
      expect((failure as { hints: string[] }).hints.join()).toMatch(/cloud-init ran again.*rebuilt.*attack/s);
      expectNothingSent(thief);
    },
  );

  it('first contact again refuses it too', async () => {
    const thief = await scene.start(injected, eager);
    await expect(establish(scene.ssh, { ...target, port: thief.port })).rejects.toEqual(refused);
    expectNothingSent(thief);
  });

  it('the same address with another instance behind it is no alarm, and neither key counts for the other', async () => {
    const other = scene.makeHostKey();
    await scene.ssh.disconnect(target);
    await machine.stop();
    const successor = await scene.start(other, { port: machine.port });
    const second = scene.target(successor, bootingWith(other));
    const { identity } = await establish(scene.ssh, second);
    expect(identity.phase).toBe('pinned');
    expect(await scene.ssh.run({ ...second, identity }, ['true'])).toMatchObject({ exitCode: 0 });
    await expect(scene.ssh.run(target, ['true'])).rejects.toEqual(refused);
    expect(readFileSync(`${scene.home}/known_hosts/${second.key}`, 'utf8')).not.toContain('127.0.0.1');
  });
});
