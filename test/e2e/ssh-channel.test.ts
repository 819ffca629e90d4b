/** The channel to the agent: many commands at once, over processes, and sockets that are no longer what they were. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SshTarget } from '../../src/domain/ssh.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';
import { SshScene } from '../loopback/scene.ts';

let scene: SshScene;
let machine: LoopbackMachine;
let target: SshTarget;
let agent: Server;
beforeAll(async () => {
  scene = new SshScene();
  ({ machine, target } = await scene.startPinned());
  mkdirSync(machine.path('/run/spuff'));
  chmodSync(machine.path('/run/spuff'), 0o755);
  const socket = machine.path('/run/spuff/agent.sock');
  agent = createServer((client) => {
    // Who only looks whether the socket lives hangs up at once.
    client.on('error', () => undefined);
    client.end('agent\n');
  }).listen(socket);
  await once(agent, 'listening');
  chmodSync(socket, 0o666);
});
afterAll(async () => {
  agent.close();
  await scene.remove();
});

/** What the agent of the machine says through a socket on this side. */
function greet(path: string): Promise<string> {
  return text(connect(path));
}

/**
 * A process that opens the channel and talks over it, as one command does; gives what it heard. Its disk is slow, so that
 * others get between a look at a socket and its removal.
 */
async function greetFromProcess(): Promise<string> {
  const module = (path: string) => JSON.stringify(join(import.meta.dirname, '../../src', path));
  const script = `
    import { connect } from 'node:net';
    import { text } from 'node:stream/consumers';
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { rmSync } = fs;
    fs.rmSync = (...request) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 1_000);
      rmSync(...request);
    };
    syncBuiltinESMExports();
    const { createOpenSsh } = await import(${module('ssh/open-ssh.ts')});
    const { systemRuntime } = await import(${module('lib/clock.ts')});
    const ssh = createOpenSsh({ home: ${JSON.stringify(scene.home)}, runtime: systemRuntime, mayAsk: false });
    const path = await ssh.openChannel(${JSON.stringify(target)});
    process.stdout.write(await text(connect(path)));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return out + err;
}

describe('openChannel()', () => {
  it('serves eight that ask at once when nothing is open yet, each time', async () => {
    for (let round = 0; round < 6; round++) {
      await scene.ssh.disconnect(target);
      const paths = await Promise.all(Array.from({ length: 8 }, () => scene.ssh.openChannel(target)));
      expect(await Promise.all(paths.map(greet))).toEqual(Array(8).fill('agent\n'));
      expect(await greet(await scene.ssh.openChannel(target))).toBe('agent\n');
    }
  });

  it('serves eight processes that ask at once, with and without a connection, each time', async () => {
    for (let round = 0; round < 3; round++) {
      await scene.ssh.disconnect(target);
      if (round > 0) await scene.ssh.run(target, ['true']);
      expect(await Promise.all(Array.from({ length: 8 }, greetFromProcess))).toEqual(
        Array(8).fill('agent\n'),
      );
      expect(await greet(await scene.ssh.openChannel(target))).toBe('agent\n');
    }
  });

  it('makes the socket again when its file was removed', async () => {
    for (let round = 0; round < 3; round++) {
      const path = await scene.ssh.openChannel(target);
      rmSync(path);
      expect(await greet(await scene.ssh.openChannel(target))).toBe('agent\n');
    }
  });

  it('goes on over a new connection when the shared one has died', async () => {
    const path = await scene.ssh.openChannel(target);
    machine.killSessions();
    // ssh on this side has to notice first.
    while ((await greet(path).catch(() => 'dead')) !== 'dead') await delay(5);
    expect(await greet(await scene.ssh.openChannel(target))).toBe('agent\n');
  });
});
