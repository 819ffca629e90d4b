import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RemoteListener } from '../domain/tunnel.ts';
import { createWatchReader, parseListeners, watchCommand } from './listener-watch.ts';

const user = 'user 1000';
/** As /proc/net/tcp has it: 127.0.0.1, every address, ::1, the same as IPv6 has it, and a real address. */
const addresses = {
  loopback: '0100007F',
  any: '00000000',
  loopback6: '00000000000000000000000001000000',
  any6: '0'.repeat(32),
  mapped: '0000000000000000FFFF00000100007F',
  bigEndian: '7F000001',
  outside: '0200A8C0',
  resolver: '3500007F',
};

describe('the list of listeners', () => {
  it.each(['loopback', 'any', 'loopback6', 'any6', 'mapped', 'bigEndian'] as const)(
    'has those on %s',
    (name) => {
      expect(parseListeners([user, `listen ${addresses[name]}:0BB8 1000 77`])).toEqual([
        { port: 3000, isOwn: true, process: null },
      ]);
    },
  );

  it.each(['outside', 'resolver'] as const)('leaves out %s, which localhost does not reach', (name) => {
    expect(parseListeners([user, `listen ${addresses[name]}:0BB8 1000 77`])).toEqual([]);
  });

  it('tells whose they are, takes names from ss, and is sorted', () => {
    const lines = [
      user,
      'listen 00000000:0016 0 1',
      'listen 0100007F:1435 1000 2',
      `listen ${addresses.any6}:0BB8 1000 3`,
      'LISTEN 0      511        127.0.0.1:5173      0.0.0.0:*    users:(("node",pid=12,fd=18),("sh",pid=3,fd=1))',
      'LISTEN 0      511             [::]:3000         [::]:*    users:(("my server",pid=13,fd=18))',
      'LISTEN 0      128          0.0.0.0:22        0.0.0.0:*',
    ];
    expect(parseListeners(lines)).toEqual([
      { port: 22, isOwn: false, process: null },
      { port: 3000, isOwn: true, process: 'my server' },
      { port: 5173, isOwn: true, process: 'node' },
    ]);
  });

  it('holds whatever a machine says to its bounds', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 9 }))
        .map(([port, id]) => `listen 00000000:${port.toString(16).toUpperCase().padStart(4, '0')} ${id} 1`),
      fc.string({ unit: 'binary' }).map((name) => `LISTEN 0 5 *:80 *:* users:(("${name}",pid=1,fd=1))`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 700 }), (lines) => {
        const found = parseListeners(lines);
        expect(found.length).toBeLessThanOrEqual(500);
        for (const { port, process } of found) {
          expect(port).toBeGreaterThan(0);
          expect(process?.length ?? 0).toBeLessThanOrEqual(40);
        }
      }),
    );
  });
});

describe('what comes over the connection', () => {
  const hear = () => {
    const lists: RemoteListener[][] = [];
    let pongs = 0;
    const reader = createWatchReader({ onListeners: (list) => lists.push(list), onPong: () => pongs++ });
    return { reader, lists, pongs: () => pongs };
  };

  it('may be cut anywhere, and begin with a greeting', () => {
    const { reader, lists, pongs } = hear();
    const text = `Welcome!\n${user}\nlisten 00000000:0BB8 1000 7\nspuff-list\nspuff-pong\n${user}\n\nspuff-list\n`;
    for (const char of text) reader.push(char);
    expect(lists).toEqual([[{ port: 3000, isOwn: true, process: null }], []]);
    expect(pongs()).toBe(1);
  });

  it('takes no more memory than it may, from a line or a list that does not end', () => {
    const { reader, lists } = hear();
    for (let nth = 0; nth < 50; nth++) reader.push('x'.repeat(100_000));
    reader.push('\n');
    for (let nth = 0; nth < 20_000; nth++) reader.push('listen 00000000:0BB8 1000 7\n');
    reader.push('spuff-list\n');
    expect(lists[0]?.map(({ port }) => port)).toEqual([3000]);
  });
});

describe('the program', () => {
  async function listen(host: string): Promise<{ server: Server; port: number }> {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    return { server, port: (server.address() as { port: number }).port };
  }

  it('tells what listens, then what is new, answers, and ends with its input', async () => {
    const lists: RemoteListener[][] = [];
    const pong = Promise.withResolvers<void>();
    let onList: () => void = () => undefined;
    const reader = createWatchReader({
      onListeners: (list) => {
        lists.push(list);
        onList();
      },
      onPong: () => pong.resolve(),
    });
    const until = async (port: number) => {
      while (!lists.at(-1)?.some((one) => one.port === port))
        await new Promise<void>((resolve) => (onList = resolve));
      return lists.at(-1)?.find((one) => one.port === port);
    };
    const first = await listen('127.0.0.1');
    const child = spawn('sh', ['-c', watchCommand]);
    child.stdout.setEncoding('utf8').on('data', (text: string) => reader.push(text));
    expect(await until(first.port)).toMatchObject({ isOwn: true });
    const second = await listen('127.0.0.1');
    await until(second.port);
    child.stdin.write('.');
    await pong.promise;
    const ended = once(child, 'exit');
    child.stdin.end();
    expect(await ended).toEqual([0, null]);
    first.server.close();
    second.server.close();
  });
});
