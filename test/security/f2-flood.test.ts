/** F2: root on the machine sends too much, too slowly, or what is no request; the session and its log stay in order. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectAgent } from '../guard/agent-client.ts';
import {
  encodeBind,
  encodeLogin,
  frame,
  keyBlob,
  message,
  signRequest,
  uint32,
} from '../guard/agent-wire.ts';
import { GuardScene, type LentSession } from '../guard/guard-scene.ts';
import { recordBind } from '../guard/login-attacks.ts';

let scene: GuardScene;
let session: LentSession;
let guardSocket: string;
/** A byte at a time: whether that connection has been ended within its time is asked last. */
let slowly: Promise<boolean>;
beforeAll(async () => {
  scene = new GuardScene();
  await scene.start();
  scene.makeRepository('repo');
  session = await scene.lend();
  guardSocket = await session.guardSocket('g');
  slowly = sendSlowly();
});
afterAll(() => scene.remove());

async function sendSlowly(): Promise<boolean> {
  const agent = await connectAgent(session.socketPath);
  for (const byte of frame(Buffer.alloc(8))) {
    agent.socket.write(Buffer.of(byte));
    if (await agent.endsWithin(2_500)) return true;
  }
  agent.close();
  return false;
}

async function expectUsable(one: LentSession): Promise<void> {
  expect(await one.run('dev', ['git', 'ls-remote', 'forge:repo.git'])).toMatchObject({ status: 0 });
}

const logPath = () => join(scene.ssh.home, 'log', 'audit-000001.ndjson');
const logBytes = () => statSync(logPath(), { throwIfNoEntry: false })?.size ?? 0;
const residentMiB = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;

describe('a flood of', () => {
  it('10,000 requests that are refused fills no log, and the session goes on', async () => {
    const before = logBytes();
    const agent = await connectAgent(session.socketPath);
    const request = frame(signRequest(keyBlob(scene.lentKey), Buffer.alloc(1_000)));
    for (let sent = 0; sent < 10_000; sent += 100) {
      agent.socket.write(Buffer.concat(Array.from({ length: 100 }, () => request)));
      for (let answers = 0; answers < 100; answers++)
        expect((await agent.receive())[0]).toBe(message.failure);
      if (sent === 5_000) await expectUsable(session);
    }
    agent.close();
    expect((await session.status()).refused).toBeGreaterThanOrEqual(10_000);
    expect(session.told().length).toBeLessThan(40);
    expect(logBytes() - before).toBeLessThan(60_000);
  });

  it('signatures that are allowed ends at the rate', async () => {
    const limited = await scene.lend({ policy: { rate: { perMinute: 30, burst: 10 } } });
    const bind = await recordBind(scene, limited, ['git@forge']);
    const agent = await connectAgent(limited.socketPath);
    await agent.ask(encodeBind(bind));
    const { sessionId, hostKey } = bind;
    const key = keyBlob(scene.lentKey);
    const login = encodeLogin({ sessionId, user: 'git', algorithm: 'ssh-ed25519', key, hostKey });
    const answers: Array<number | undefined> = [];
    for (let asked = 0; asked < 100; asked++) answers.push((await agent.ask(signRequest(key, login)))[0]);
    agent.close();
    // One was spent on the login that was recorded; a second gives half of one back.
    const signed = answers.filter((answer) => answer === message.signResponse).length;
    expect(signed).toBeGreaterThanOrEqual(9);
    expect(signed).toBeLessThanOrEqual(12);
    expect(limited.told().map(({ reason }) => reason)).toContain('rate');
    await limited.end();
  });

  it('connections leaves the session usable', async () => {
    const before = residentMiB(session.pid);
    // ssh lets a dozen a second through; a thousand at once are made past it.
    const paths = [
      ...Array.from({ length: 40 }, () => session.socketPath),
      ...Array.from({ length: 1_000 }, () => guardSocket),
    ];
    const agents = await Promise.all(paths.map((path) => connectAgent(path).catch(() => null)));
    const held = agents.map((agent) => agent?.endsWithin(500) ?? true);
    expect((await Promise.all(held)).filter((hasEnded) => !hasEnded).length).toBeLessThanOrEqual(16);
    expect(residentMiB(session.pid) - before).toBeLessThan(100);
    for (const agent of agents) agent?.close();
    await expectUsable(session);
    expect(session.isOpen).toBe(true);
  });
});

describe('a connection is ended that', () => {
  it.each([
    ['announces 2 GiB', Buffer.concat([uint32(2 ** 31), Buffer.alloc(1_000)])],
    ['announces a byte too much', uint32(256 * 1_024 + 1)],
    ['announces all that can be', uint32(2 ** 32 - 1)],
    ['sends an empty message', uint32(0)],
  ])('%s', async (_, bytes) => {
    const agent = await connectAgent(session.socketPath);
    agent.socket.write(bytes);
    expect(await agent.endsWithin(2_000)).toBe(true);
    await expectUsable(session);
  });

  it('stops sending in the middle', async () => {
    const agent = await connectAgent(session.socketPath);
    agent.socket.end(frame(Buffer.alloc(100)).subarray(0, 50));
    expect(await agent.endsWithin(2_000)).toBe(true);
  });

  it('stops sending after a whole message', async () => {
    const agent = await connectAgent(session.socketPath);
    agent.socket.end(frame(Buffer.of(message.requestIdentities)));
    expect(await agent.endsWithin(2_000)).toBe(true);
  });

  it('sends a byte now and then', async () => {
    expect(await slowly).toBe(true);
  });

  it('but not one that sends the longest message there is', async () => {
    const agent = await connectAgent(session.socketPath);
    expect((await agent.ask(Buffer.alloc(256 * 1_024, 99)))[0]).toBe(message.failure);
    expect((await agent.list()).length).toBe(1);
    agent.close();
  });
});
