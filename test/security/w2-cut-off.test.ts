/**
 * W2: first contact is cut off at every point, on this side and on the machine, and done again from what was saved. It
 * must end pinned, and the machine must at no time show a key that was not saved before.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KnownIdentity } from '../../src/domain/instance.ts';
import type { SshTarget } from '../../src/domain/ssh.ts';
import { parsePublicKey } from '../../src/lib/public-key.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';
import { bootingWith, establish, SshScene } from '../loopback/scene.ts';

let scene: SshScene;
let machine: LoopbackMachine;
beforeAll(() => {
  scene = new SshScene();
});
afterEach(() => machine.remove());
afterAll(() => scene.remove());

/** Stands for a program of the machine, and hangs for ever before or after its nth call when it is told to. */
const shim = (name: string) => `#!/bin/sh
count=$(($(cat /run/${name}.count 2>/dev/null || echo 0) + 1))
echo $count > /run/${name}.count
stop() {
  [ "$(cat /run/plan 2>/dev/null)" = "${name} $count $1" ] || return 0
  rm /run/plan
  : > /run/reached
  exec sleep 1000
}
stop before
/run/real/${name} "$@"
status=$?
stop after
exit $status
`;
const shimmed = { '/usr/bin/ssh-keygen': '', '/usr/bin/sync': '', '/usr/bin/mv': '', '/usr/bin/stat': '' };
const shims = Object.fromEntries(
  Object.keys(shimmed).map((path) => [path, shim(path.split('/').at(-1) ?? '')]),
);

/** Each effect of a rotation, in its order: making the key, making it durable, putting both halves in place, the reload. */
const points = [
  'ssh-keygen 1 before',
  'ssh-keygen 1 after',
  'sync 1 before',
  'sync 1 after',
  'mv 1 before',
  'mv 1 after',
  'mv 2 before',
  'mv 2 after',
  'sync 2 after',
  'stat 1 before',
  'stat 2 before',
];

function plain(publicKey: string): string {
  return parsePublicKey(publicKey)?.line ?? 'no key';
}

function requireKnown(identity: KnownIdentity): void {
  const known = [identity.injectedPublicKey];
  if (identity.phase === 'rotating' && identity.newPublicKey !== null) known.push(identity.newPublicKey);
  if (identity.phase === 'pinned') known.push(identity.publicKey);
  expect(known.map(plain)).toContain(machine.hostPublicKey());
}

async function start(): Promise<SshTarget> {
  const hostKey = scene.makeHostKey();
  machine = await scene.start(hostKey, { shims });
  return scene.target(machine, bootingWith(hostKey));
}

/** Does it again from what was saved, and checks that the machine is pinned and works. */
async function finish(target: SshTarget, saved: KnownIdentity): Promise<void> {
  requireKnown(saved);
  const { identity } = await establish(scene.ssh, { ...target, identity: saved });
  expect(identity).toMatchObject({ phase: 'pinned', publicKey: machine.hostPublicKey() });
  expect(plain(identity.injectedPublicKey)).not.toBe(machine.hostPublicKey());
  expect(await scene.ssh.run({ ...target, identity }, ['true'])).toMatchObject({ exitCode: 0 });
}

async function untilReached(): Promise<void> {
  while (!existsSync(machine.path('/run/reached'))) await delay(5);
}

describe('this side dies', () => {
  it.each([
    ['before', 1, 'booting'],
    ['after', 1, 'rotating'],
    ['before', 2, 'rotating'],
    ['after', 2, 'pinned'],
  ] as const)('%s save %i', async (when, count, phase) => {
    const target = await start();
    let stored = target.identity;
    const save = (identity: KnownIdentity, at: number) => {
      if (when === 'after' || at !== count) stored = identity;
      if (at === count) throw new Error('killed');
    };
    await expect(establish(scene.ssh, target, { save })).rejects.toThrow('killed');
    expect(stored.phase).toBe(phase);
    await finish(target, stored);
  });

  it('the key that was shown is kept: doing it again does not make another', async () => {
    const target = await start();
    const shown: KnownIdentity[] = [];
    const save = (identity: KnownIdentity) => {
      shown.push(identity);
      throw new Error('killed');
    };
    for (const _ of [1, 2]) await expect(establish(scene.ssh, target, { save })).rejects.toThrow('killed');
    expect(shown[1]).toEqual(shown[0]);
  });
});

describe.each(['its sessions are killed', 'its power is cut'])(
  'the machine stops, and this side too: %s',
  (how) => {
    it.each(points)('%s', async (point) => {
      const target = await start();
      writeFileSync(machine.path('/run/plan'), point);
      let stored = target.identity;
      const controller = new AbortController();
      const attempt = establish(scene.ssh, target, {
        signal: controller.signal,
        save: (identity) => {
          stored = identity;
        },
      });
      const failed = expect(attempt).rejects.toThrow();
      await untilReached();
      controller.abort(new Error('killed'));
      await failed;
      requireKnown(stored);
      if (how === 'its power is cut') {
        await machine.stop();
        await machine.boot();
      } else machine.killSessions();
      await finish(target, stored);
    });
  },
);

describe('only the machine stops', () => {
  it.each(points)('its power is cut, and first contact goes on by itself: %s', async (point) => {
    const target = await start();
    writeFileSync(machine.path('/run/plan'), point);
    const attempt = establish(scene.ssh, target);
    await untilReached();
    await machine.stop();
    await machine.boot();
    const { identity } = await attempt;
    expect(identity).toMatchObject({ phase: 'pinned', publicKey: machine.hostPublicKey() });
  });
});

describe('checks on the first login', () => {
  it('run as root and in order before the key is put in place', async () => {
    const target = await start();
    const firstCommands = [
      ['sh', '-c', 'id -un > /run/check; ssh-keygen -y -P "" -f /etc/ssh/ssh_host_ed25519_key >> /run/check'],
      ['grep', '-q', 'root', '/run/check'],
    ];
    await establish(scene.ssh, target, { firstCommands });
    const text = readFileSync(machine.path('/run/check'), 'utf8');
    expect(text).toContain(`root\n${plain(target.identity.injectedPublicKey)}`);
  });

  it('one that fails leaves the machine unpinned, says what it printed, and is run again the next time', async () => {
    const target = await start();
    const firstCommands = [['sh', '-c', 'test -e /run/fine || { printf "no\\033[2J table"; exit 7; }']];
    let stored = target.identity;
    const save = (identity: KnownIdentity) => {
      stored = identity;
    };
    await expect(establish(scene.ssh, target, { firstCommands, save })).rejects.toMatchObject({
      code: 'provider',
      message: expect.stringMatching(/gave 7:\nno\\x1b\[2J table$/),
    });
    expect(stored.phase).not.toBe('pinned');
    expect(machine.hostPublicKey()).toBe(plain(target.identity.injectedPublicKey));
    writeFileSync(machine.path('/run/fine'), '');
    const { identity } = await establish(scene.ssh, { ...target, identity: stored }, { firstCommands });
    expect(identity.phase).toBe('pinned');
  });
});
