import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { findInodes, findPortHolder, lookAtPort, parseLsof } from './local-port.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

const hasIpv6 = existsSync('/proc/net/if_inet6');

describe('a port of this computer', () => {
  it.each(['127.0.0.1', '0.0.0.0', ...(hasIpv6 ? ['::1', '::'] : [])])(
    'is taken by who listens on %s, and the holder is named',
    async (host) => {
      const port = await listen(host);
      expect(await lookAtPort(port)).toMatchObject({ kind: 'taken', holder: { pid: process.pid } });
    },
  );

  it('is free when nobody does, also after a look at it', async () => {
    const port = await listen('127.0.0.1');
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    expect(await lookAtPort(port)).toEqual({ kind: 'free' });
    expect(await lookAtPort(port)).toEqual({ kind: 'free' });
    expect(await findPortHolder(port)).toBeNull();
  });

  it('is found by lsof where there is no /proc', async ({ skip }) => {
    const port = await listen('127.0.0.1');
    try {
      execFileSync('lsof', ['-v'], { stdio: 'ignore' });
    } catch {
      skip();
    }
    expect(await findPortHolder(port, 'darwin')).toMatchObject({ pid: process.pid });
    expect(await lookAtPort(port, 'darwin')).toMatchObject({ kind: 'taken', holder: { pid: process.pid } });
    await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
    expect(await lookAtPort(port, 'darwin')).toEqual({ kind: 'free' });
  });
});

describe('what the system says', () => {
  it('is read from the table of the kernel', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0',
      '   1: 0100007F:0BB8 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 20 4 30 10 -1',
      '   2: 0100007F:1BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 100 0 0 10 0',
    ].join('\n');
    expect(findInodes(table, 3000)).toEqual(['4711']);
    expect(findInodes(table, 80)).toEqual([]);
    expect(findInodes('', 3000)).toEqual([]);
  });

  it('is read from lsof, and is harmless to print', () => {
    const other = 'p320\ncother\nf3\nn192.0.2.1:3000\n';
    expect(parseLsof(`${other}p321\ncnode\nf18\nn*:3000\n`)).toEqual({ pid: 321, name: 'node' });
    expect(parseLsof('p321\nc\u001b[31mred\nf1\nn[::1]:3000\n')).toEqual({ pid: 321, name: '\\x1b[31mred' });
    expect(parseLsof(other)).toBeNull();
    expect(parseLsof('')).toBeNull();
  });
});
