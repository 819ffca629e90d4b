/** F2: nothing is signed after the lease, after the session, or after it was revoked, however open the connection is. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentClient, connectAgent } from '../guard/agent-client.ts';
import { encodeBind, encodeLogin, keyBlob, message, signRequest } from '../guard/agent-wire.ts';
import { GuardScene, type LentSession } from '../guard/guard-scene.ts';
import { recordBind } from '../guard/login-attacks.ts';

let scene: GuardScene;
beforeAll(async () => {
  scene = new GuardScene();
  await scene.start();
});
afterAll(() => scene.remove());

/** A connection of root's that has proved all there is to prove, and a request that it may make. */
async function openProven(session: LentSession): Promise<{ agent: AgentClient; request: Buffer }> {
  const bind = await recordBind(scene, session, ['git@forge']);
  const agent = await connectAgent(session.socketPath);
  expect((await agent.ask(encodeBind(bind)))[0]).toBe(message.success);
  const { sessionId, hostKey } = bind;
  const key = keyBlob(scene.lentKey);
  const login = encodeLogin({ sessionId, user: 'git', algorithm: 'ssh-ed25519', key, hostKey });
  const request = signRequest(key, login);
  expect((await agent.ask(request))[0]).toBe(message.signResponse);
  return { agent, request };
}

async function expectNothing(
  session: LentSession,
  { agent, request }: Awaited<ReturnType<typeof openProven>>,
) {
  expect(await signs(agent, request)).toBe(false);
  expect(await shown(agent)).toEqual([]);
  agent.close();
  await expectNothingAnew(session);
  expect(await session.canLogIn(['git@forge'])).toBe(false);
}

/** sshd takes its socket away a moment after the agent has gone. */
async function expectNothingAnew(session: LentSession): Promise<void> {
  const anew = await connectAgent(session.socketPath).catch(() => null);
  if (anew) expect(await shown(anew)).toEqual([]);
  anew?.close();
}

/** A connection that was ended shows nothing, and signs nothing. */
const shown = (agent: AgentClient) => agent.list().catch(() => []);
const signs = (agent: AgentClient, request: Buffer) =>
  agent.ask(request).then(
    (answer) => answer[0] === message.signResponse,
    () => false,
  );

describe('nothing is shown and nothing signed', () => {
  it('when the lease is over, while the raw agent goes on', async () => {
    const raw = await scene.lend({ lend: 'raw' });
    const atRaw = await openProven(raw);
    const session = await scene.lend({ policy: { leaseMs: 4_000 } });
    const startedAt = Date.parse((await session.status()).startedAt);
    const proven = await openProven(session);
    await delay(startedAt + 4_050 - Date.now());
    await expectNothing(session, proven);
    expect(await signs(atRaw.agent, atRaw.request)).toBe(true);
    atRaw.agent.close();
    expect(session.isOpen).toBe(true);
    await session.end();
    await raw.end();
  });

  it('when it was revoked', async () => {
    const session = await scene.lend();
    const proven = await openProven(session);
    expect(await session.control('revoke')).toMatchObject({ ok: true, status: { revoked: true } });
    await expectNothing(session, proven);
    // Another session is not concerned.
    const other = await scene.lend();
    expect((await openProven(other)).agent.close()).toBe(undefined);
    await other.end();
    await session.end();
  });

  it('when the session has ended', async () => {
    const session = await scene.lend();
    const { agent, request } = await openProven(session);
    // ssh itself would stay for as long as anything on the machine holds a connection.
    const ended = session.end();
    expect(await agent.endsWithin(5_000)).toBe(true);
    expect(await signs(agent, request)).toBe(false);
    await expectNothingAnew(session);
    agent.close();
    await ended;
    await expectNothingAnew(session);
  });

  it('when the client of the session was killed', async () => {
    const session = await scene.lend();
    const { agent, request } = await openProven(session);
    process.kill(session.pid, 'SIGKILL');
    expect(await agent.endsWithin(5_000)).toBe(true);
    expect(await signs(agent, request)).toBe(false);
    await expectNothingAnew(session);
  });
});
