import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { findRunDirectory } from '../run-directory.ts';
import { serveControl } from './control.ts';
import { tellGuards } from './control-client.ts';
import type { GuardCore } from './guard-core.ts';

const { key } = sampleInstance();
const other = sampleInstance({ name: 'other' }).key;

let home: string;
let servers: Server[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'spuff-ctl-'));
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(home, { recursive: true });
});

const pathOf = (session: string, of = key) => join(findRunDirectory(home, of), `k-${session}`);

async function listen(session: string, serve: (socket: Socket) => void, of = key): Promise<void> {
  mkdirSync(findRunDirectory(home, of), { recursive: true });
  const server = createServer(serve);
  servers.push(server);
  server.listen(pathOf(session, of));
  await once(server, 'listening');
}

/** What the control of a guard uses of it. */
function fakeCore(session: string, done: string[], problem?: string): GuardCore {
  return {
    revoke: () => done.push(`${session} revoked`),
    reload: async () => {
      if (problem !== undefined) throw new Error(problem);
      done.push(`${session} reloaded`);
    },
    status: () => ({ session }),
  } as unknown as GuardCore;
}

describe('tellGuards', () => {
  it('tells every guard of the instances that are meant, and no other', async () => {
    const done: string[] = [];
    await listen('00000001', (socket) => serveControl(socket, fakeCore('00000001', done)));
    await listen('00000002', (socket) => serveControl(socket, fakeCore('00000002', done)));
    await listen('00000003', (socket) => serveControl(socket, fakeCore('00000003', done)), other);
    const answers = await tellGuards(home, 'revoke', [key]);
    expect(answers).toEqual([
      { instanceKey: key, session: '00000001', ok: true, status: { session: '00000001' } },
      { instanceKey: key, session: '00000002', ok: true, status: { session: '00000002' } },
    ]);
    expect(done.sort()).toEqual(['00000001 revoked', '00000002 revoked']);
    expect(await tellGuards(home, 'status', [key, other])).toHaveLength(3);
  });

  it('says what a guard says that did not do it', async () => {
    await listen('00000001', (socket) => serveControl(socket, fakeCore('00000001', [], 'the file is wrong')));
    expect(await tellGuards(home, 'reload', [key])).toMatchObject([
      { ok: false, error: 'the file is wrong' },
    ]);
  });

  it('removes what a dead process left, and finds nothing where nothing was', async () => {
    expect(await tellGuards(home, 'status', [key])).toEqual([]);
    await listen('00000001', () => undefined);
    const left = pathOf('00000001');
    // Closing a server removes its socket; a killed process does not.
    const dead = pathOf('0000dead');
    await once(
      (await import('node:child_process')).spawn(process.execPath, [
        '-e',
        `require('node:net').createServer().listen(${JSON.stringify(dead)}, () => process.kill(process.pid, 'SIGKILL'))`,
      ]),
      'exit',
    );
    expect(existsSync(dead)).toBe(true);
    writeFileSync(join(findRunDirectory(home, key), 'k-notes'), '');
    const answers = await tellGuards(home, 'status', [key], 300);
    expect(answers.map(({ session }) => session)).toEqual(['00000001']);
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(left)).toBe(true);
  });

  it.each([
    ['nothing', () => undefined, /did not answer in time/],
    ['an end', (socket: Socket) => socket.end(), /no answer that can be understood/],
    ['no JSON', (socket: Socket) => socket.end('hello\n'), /no answer that can be understood/],
    [
      'half an answer',
      (socket: Socket) => socket.end('{"ok":true,"stat'),
      /no answer that can be understood/,
    ],
    ['too much', (socket: Socket) => socket.write('x'.repeat(1_100_000)), /too long/],
  ])('calls it a failure when the answer is %s', async (_name, serve, error) => {
    await listen('00000001', (socket) => {
      socket.on('error', () => undefined);
      serve(socket);
    });
    expect(await tellGuards(home, 'revoke', [key], 500)).toMatchObject([
      { ok: false, error: expect.stringMatching(error) },
    ]);
  });
});
