import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SshTarget } from '../../src/domain/ssh.ts';
import type { RemoteListener, TunnelLink } from '../../src/domain/tunnel.ts';
import { runProcess } from '../../src/lib/process.ts';
import { findRunDirectory } from '../../src/ssh/run-directory.ts';
import { SshScene } from '../loopback/scene.ts';

// V2: a tunnel opens what was asked for, on this computer's loopback alone, and nothing in the other direction.

/** Speaks for `ss` on a machine that somebody has taken over. */
const hostileSs = `#!/bin/sh
printf 'listen 00000000:115C %s 1\\nLISTEN 0 5 *:4444 *:* users:(("\\033]0;owned\\007\\033[2J",pid=1,fd=1))\\n' "$(id -u)"
for i in $(seq 5000 60000); do printf 'listen 00000000:%04X 1 1\\n' "$i"; done
head -c 400000 /dev/zero
echo
`;

let scene: SshScene;
let target: SshTarget;
let service: Server;
let servicePort = 0;
const links: TunnelLink[] = [];

beforeAll(async () => {
  scene = new SshScene();
  ({ target } = await scene.startPinned({ shims: { '/usr/bin/ss': hostileSs } }));
  service = createServer((socket) => socket.end('here')).listen(0, '127.0.0.1');
  await once(service, 'listening');
  servicePort = portOf(service);
});
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
});
afterAll(async () => {
  service.close();
  await scene.remove();
});

const portOf = (server: Server) => (server.address() as { port: number }).port;

async function open(onListeners: (listeners: readonly RemoteListener[]) => void = () => undefined) {
  const signal = new AbortController().signal;
  const link = await scene.ssh.openTunnel(target, { signal, onListeners, onPrompt: () => undefined });
  links.push(link);
  return link;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** What answers at an address; the name of the error when nothing does. */
async function ask(host: string, port: number): Promise<string> {
  try {
    const socket = connect({ host, port });
    await once(socket, 'connect');
    return await text(socket);
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** The socket that orders forwardings of the tunnel. */
function controlSocket(): string {
  const directory = findRunDirectory(scene.home, target.key);
  const name = readdirSync(directory).find((entry) => entry.startsWith('t-'));
  return join(directory, name ?? 'none');
}

/** Every listener of the processes that this test has started, as ADDRESS:PORT. */
async function ownListeners(): Promise<string[]> {
  const { stdout } = await runProcess(['ss', '-Hltnp']);
  return stdout.split('\n').flatMap((line) => {
    const pid = /users:\(\("ssh",pid=(\d+)/.exec(line)?.[1];
    const isOurs = pid !== undefined && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(scene.home);
    return isOurs ? [line.split(/\s+/)[3] ?? ''] : [];
  });
}

describe('a tunnel', () => {
  it('listens on 127.0.0.1 of this computer and on no other address of it', async () => {
    const port = await freePort();
    const link = await open();
    expect(await ownListeners()).toEqual([]);
    await link.forward({ local: port, remote: servicePort });
    expect(await ask('127.0.0.1', port)).toBe('here');
    expect(await ownListeners()).toEqual([`127.0.0.1:${port}`]);
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(
        ({ internal, family, address }) => !internal && (family === 'IPv4' || !address.startsWith('fe80')),
      );
    expect(others.length).toBeGreaterThan(0);
    for (const { address } of others) expect(await ask(address, port)).toBe('ECONNREFUSED');
    expect(await ask('127.0.0.2', port)).toBe('ECONNREFUSED');
  });

  it('opens no way back: the machine refuses to listen for this computer, whoever asks', async () => {
    await open();
    const back = await freePort();
    const argv = ['ssh', '-F', 'none', '-o', `ControlPath=${controlSocket()}`, '-O', 'forward'];
    const asked = await runProcess([...argv, '-R', `127.0.0.1:${back}:127.0.0.1:${servicePort}`, 'x']);
    expect(asked.exitCode).not.toBe(0);
    expect(await ask('127.0.0.1', back)).toBe('ECONNREFUSED');
    const local = await freePort();
    const allowed = await runProcess([...argv, '-L', `127.0.0.1:${local}:127.0.0.1:${servicePort}`, 'x']);
    expect(allowed.exitCode).toBe(0);
  });

  it('takes a list that a hostile machine makes up for no more than its bounds', async () => {
    const lists: (readonly RemoteListener[])[] = [];
    await open((listeners) => lists.push(listeners));
    const [list = []] = lists;
    expect(list).toContainEqual({ port: 4444, isOwn: true, process: '\u001b]0;owned\u0007\u001b[2J' });
    expect(list.length).toBeLessThanOrEqual(500);
    expect(await ownListeners()).toEqual([]);
  });

  it('shows the machine no agent, though one runs here', async () => {
    const socket = join(scene.home, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    await expect.poll(() => existsSync(socket)).toBe(true);
    // sshd puts what is lent to it there; the machine has the /tmp of this computer.
    const lent = () => readdirSync('/tmp').filter((name) => /^ssh-.{6,}$/.test(name));
    const before = lent();
    vi.stubEnv('SSH_AUTH_SOCK', socket);
    await open();
    vi.unstubAllEnvs();
    agent.kill();
    expect(lent()).toEqual(before);
  });
});
