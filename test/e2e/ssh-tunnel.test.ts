/** The connection of a tunnel, against a real sshd. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SshTarget } from '../../src/domain/ssh.ts';
import type { RemoteListener, TunnelLink } from '../../src/domain/tunnel.ts';
import { findRunDirectory } from '../../src/ssh/run-directory.ts';
import type { LoopbackMachine } from '../loopback/machine.ts';
import { SshScene } from '../loopback/scene.ts';

/** As cloud-init writes it on a machine. */
const hosts = '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n';

let scene: SshScene;
let machine: LoopbackMachine;
let target: SshTarget;
const links: TunnelLink[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  scene = new SshScene();
  ({ machine, target } = await scene.startPinned({ shims: { '/etc/hosts': hosts } }));
});
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => scene.remove());

const portOf = (server: Server) => (server.address() as { port: number }).port;

async function listen(host: string, port = 0): Promise<number> {
  const server = createServer((socket) => socket.end('here')).listen(port, host);
  servers.push(server);
  await once(server, 'listening');
  return portOf(server);
}

async function freePort(): Promise<number> {
  const port = await listen('127.0.0.1');
  const server = servers.pop();
  server?.close();
  if (server) await once(server, 'close');
  return port;
}

async function open(
  onListeners: (listeners: readonly RemoteListener[]) => void = () => undefined,
): Promise<TunnelLink> {
  const signal = new AbortController().signal;
  const link = await scene.ssh.openTunnel(target, { signal, onListeners, onPrompt: () => undefined });
  links.push(link);
  return link;
}

async function ask(port: number): Promise<string> {
  try {
    return await text(connect({ host: '127.0.0.1', port }));
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What tunnels have left in the directory of the instance. */
function traces(): string[] {
  return readdirSync(findRunDirectory(scene.home, target.key)).filter((name) => name.startsWith('t-'));
}

describe('the connection of a tunnel', () => {
  it('tells at once what listens, and carries ports until it is closed', async () => {
    const remote = await listen('127.0.0.1');
    const lists: (readonly RemoteListener[])[] = [];
    const link = await open((listeners) => lists.push(listeners));
    expect(lists[0]?.map(({ port }) => port)).toContain(remote);
    const local = await freePort();
    await link.forward({ local, remote });
    expect(await ask(local)).toBe('here');
    expect(await link.answers(5_000)).toBe(true);
    await link.close();
    expect(await ask(local)).toBe('ECONNREFUSED');
    expect(traces()).toEqual([]);
    await expect.poll(() => machine.commands().filter((line) => line.includes('spuff-tunnel'))).toEqual([]);
  });

  it.skipIf(!existsSync('/proc/net/if_inet6'))('reaches what listens on ::1 alone', async () => {
    const remote = await listen('::1');
    const link = await open();
    const local = await freePort();
    await link.forward({ local, remote });
    expect(await ask(local)).toBe('here');
  });

  it('refuses a port that somebody has, and goes on', async () => {
    const link = await open();
    const local = await listen('127.0.0.1');
    await expect(link.forward({ local, remote: 80 })).rejects.toMatchObject({ code: 'conflict' });
    expect(await link.answers(5_000)).toBe(true);
  });

  it('is over when the machine ends it, and what a refused port said is not taken for the reason', async () => {
    const link = await open();
    const local = await freePort();
    await link.forward({ local, remote: 1 });
    expect(await ask(local)).not.toBe('here');
    machine.killSessions();
    const failure = await link.ended;
    expect(failure).toMatchObject({ code: 'connection' });
    expect(failure.message).not.toContain('nothing listens for SSH');
  });

  it('does not answer where the machine has stopped', async () => {
    const link = await open();
    const stopped = machine.processes();
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    expect(await link.answers(1_000)).toBe(false);
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
    expect(await link.answers(10_000)).toBe(true);
  });

  it('is stopped while it logs in', async () => {
    const stop = new AbortController();
    const opening = scene.ssh.openTunnel(target, {
      ...{ signal: stop.signal, onListeners: () => undefined, onPrompt: () => undefined },
    });
    stop.abort();
    await expect(opening).rejects.toMatchObject({ code: 'interrupted' });
    expect(traces()).toEqual([]);
  });

  it('ends what a killed process has left, though somebody still uses it', async () => {
    const remote = await listen('127.0.0.1');
    const keeping = createServer(() => undefined).listen(0, '127.0.0.1');
    servers.push(keeping);
    await once(keeping, 'listening');
    const local = await freePort();
    const program = `
      const { createOpenSsh } = await import(${JSON.stringify(new URL('../../src/ssh/open-ssh.ts', import.meta.url).href)});
      const { systemRuntime } = await import(${JSON.stringify(new URL('../../src/lib/clock.ts', import.meta.url).href)});
      const ssh = createOpenSsh({ home: ${JSON.stringify(scene.home)}, runtime: systemRuntime });
      const options = { signal: new AbortController().signal, onListeners: () => undefined, onPrompt: () => undefined };
      const link = await ssh.openTunnel(${JSON.stringify(target)}, options);
      await link.forward({ local: ${local}, remote: ${portOf(keeping)} });
      console.log('ready');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout as NodeJS.EventEmitter, 'data');
    const user = connect({ host: '127.0.0.1', port: local });
    await once(keeping, 'connection');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const directory = findRunDirectory(scene.home, target.key);
    writeFileSync(`${directory}/t-ffffff00`, '');
    const link = await open();
    expect(traces().filter((name) => !name.includes(process.pid.toString(16)))).toEqual([]);
    await expect
      .poll(() => readFileSync('/proc/net/tcp', 'utf8').includes(`:${hex(local)} 00000000:0000 0A`))
      .toBe(false);
    await link.forward({ local, remote });
    expect(await ask(local)).toBe('here');
    user.destroy();
  });
});

const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
