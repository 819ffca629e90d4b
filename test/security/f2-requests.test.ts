/**
 * F2: what root on the machine asks of the lent agent, byte by byte. Each thing is first had of the raw agent, so that its
 * refusal by the guard means something; the user's agent is looked at afterwards.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuardPolicy } from '../../src/domain/guard.ts';
import { type AgentClient, connectAgent } from '../guard/agent-client.ts';
import { encodeLogin, keyBlob, message, signRequest, string, uint32 } from '../guard/agent-wire.ts';
import { GuardScene, type LentSession } from '../guard/guard-scene.ts';

let scene: GuardScene;
let raw: LentSession;
let guarded: LentSession;
beforeAll(async () => {
  scene = new GuardScene();
  await scene.start();
  raw = await scene.lend({ lend: 'raw' });
  guarded = await scene.lend();
});
afterAll(() => scene.remove());

async function onConnection<T>(session: LentSession, use: (agent: AgentClient) => Promise<T>): Promise<T> {
  const agent = await connectAgent(session.socketPath);
  try {
    return await use(agent);
  } finally {
    agent.close();
  }
}

/** The type of the answer to one request on a connection of its own. */
const answerTo = (session: LentSession, body: Uint8Array) =>
  onConnection(session, async (agent) => (await agent.ask(body))[0]);

const sshsig = (namespace: string) =>
  Buffer.concat([
    Buffer.from('SSHSIG'),
    ...[namespace, '', 'sha512', createHash('sha512').update('any').digest()].map(string),
  ]);

describe('keys', () => {
  it('that the policy does not name are not shown, and no comment is', async () => {
    const shown = await onConnection(raw, (agent) => agent.list());
    expect(shown.map(({ comment }) => comment)).toEqual(['lent', 'kept']);
    const listed = await onConnection(guarded, (agent) => agent.list());
    expect(listed.map(({ blob }) => blob)).toEqual([keyBlob(scene.lentKey)]);
    expect(listed[0]?.comment).not.toContain('lent');
    const { stdout } = await guarded.run('dev', ['ssh-add', '-L']);
    expect(stdout.split(' ')[1]).toBe(scene.lentKey.split(' ')[1]);
  });

  it('that the policy does not name do not sign, wherever the login goes', async () => {
    const policy: Partial<GuardPolicy> = { destinations: [scene.destination({ users: ['git', 'admin'] })] };
    const session = await scene.lend({ policy });
    const forKept = signRequest(keyBlob(scene.keptKey), loginData(scene.keptKey));
    expect(await answerTo(raw, forKept)).toBe(message.signResponse);
    expect(await answerTo(session, forKept)).toBe(message.failure);
    expect(session.told().map(({ reason }) => reason)).toEqual(['key']);
    await session.end();
  });

  const changes = {
    'can not be added': () => {
      const seed = randomBytes(32);
      const parts = ['ssh-ed25519', randomBytes(32), Buffer.concat([seed, randomBytes(32)]), 'planted'];
      return Buffer.concat([Buffer.of(message.addIdentity), ...parts.map(string)]);
    },
    'can not be removed': () =>
      Buffer.concat([Buffer.of(message.removeIdentity), string(keyBlob(scene.lentKey))]),
    'can not all be removed': () => Buffer.of(message.removeAll),
    'can not be locked up': () => Buffer.concat([Buffer.of(message.lock), string('word')]),
  };
  it.each(Object.entries(changes))('%s', async (_, makeRequest) => {
    const before = scene.agent.keys();
    const request = makeRequest();
    expect(await answerTo(guarded, request)).toBe(message.failure);
    expect(scene.agent.keys()).toEqual(before);
    // With the raw agent it is done, and put right again.
    expect(await answerTo(raw, request)).toBe(message.success);
    expect(scene.agent.keys()).not.toEqual(before);
    await answerTo(raw, Buffer.concat([Buffer.of(message.unlock), string('word')]));
    scene.agent.reload();
    expect(scene.agent.keys()).toEqual(before);
  });

  it('are shown nobody who has not come from the machine', async () => {
    // The user's other programs reach the guard's own socket, and no ssh has said for them where they come from.
    const agent = await connectAgent(await guarded.guardSocket('g'));
    expect(await agent.list()).toEqual([]);
    expect((await agent.ask(signRequest(keyBlob(scene.lentKey), loginData(scene.lentKey))))[0]).toBe(5);
    agent.close();
  });
});

/** A login to the forge as git that no session stands behind. */
function loginData(publicKey: string): Buffer {
  return encodeLogin({
    ...{ sessionId: randomBytes(32), user: 'git', algorithm: 'ssh-ed25519', key: keyBlob(publicKey) },
    hostKey: keyBlob(scene.forge.hostPublicKey()),
  });
}

describe('a signature', () => {
  const requests: ReadonlyArray<readonly [what: string, data: () => Buffer, reason: string]> = [
    ['over bytes of any kind', () => Buffer.from('pay the bearer'), 'malformed'],
    ['over nothing', () => Buffer.alloc(0), 'malformed'],
    [
      'over a login with a byte more',
      () => Buffer.concat([loginData(scene.lentKey), Buffer.of(0)]),
      'malformed',
    ],
    ['over a login without a session', () => loginData(scene.lentKey), 'unbound'],
    ['over a file', () => sshsig('file'), 'namespace'],
    ['over a commit, where that is off', () => sshsig('git'), 'commit-signing'],
  ];
  it.each(requests)('%s is refused', async (_, makeData, reason) => {
    const request = signRequest(keyBlob(scene.lentKey), makeData());
    expect(await answerTo(raw, request)).toBe(message.signResponse);
    const before = guarded.told().length;
    expect(await answerTo(guarded, request)).toBe(message.failure);
    expect(
      guarded
        .told()
        .slice(before)
        .map((record) => record.reason),
    ).toEqual([reason]);
  });

  it('by a weak algorithm is refused', async () => {
    const rsa = scene.agent.addKey('rsa', { type: 'rsa' });
    const session = await scene.lend({ policy: { keys: [['rsa']] } });
    const data = encodeLogin({
      ...{ sessionId: randomBytes(32), user: 'git', algorithm: 'ssh-rsa', key: keyBlob(rsa) },
      hostKey: keyBlob(scene.forge.hostPublicKey()),
    });
    // Flags 0: SHA-1.
    expect(await answerTo(raw, signRequest(keyBlob(rsa), data, 0))).toBe(message.signResponse);
    expect(await answerTo(session, signRequest(keyBlob(rsa), data, 0))).toBe(message.failure);
    expect(session.told().map(({ reason }) => reason)).toEqual(['algorithm']);
    await session.end();
    scene.agent.removeKey('rsa');
  });

  it('by ssh-keygen over a file is refused', async () => {
    const folder = scene.machine.path('/home/dev');
    writeFileSync(join(folder, 'lent.pub'), `${scene.lentKey}\n`);
    writeFileSync(join(folder, 'file'), 'any');
    const argv = [
      'ssh-keygen',
      '-q',
      '-Y',
      'sign',
      '-n',
      'file',
      '-f',
      '/home/dev/lent.pub',
      '/home/dev/file',
    ];
    const signTo = async (session: LentSession) => {
      await session.run('root', argv);
      return existsSync(join(folder, 'file.sig'));
    };
    expect(await signTo(guarded)).toBe(false);
    expect(await signTo(raw)).toBe(true);
  });
});

describe('a message', () => {
  it.each([
    ['of no kind', Buffer.of(99)],
    ['of the first version of SSH', Buffer.of(1)],
    [
      'that adds a card',
      Buffer.concat([Buffer.of(message.addSmartcardKey), string('/tmp/x.so'), string('')]),
    ],
    [
      'with an extension of no name',
      Buffer.concat([Buffer.of(message.extension), string('made-up@example.org')]),
    ],
    ['that is cut off', Buffer.concat([Buffer.of(message.signRequest), uint32(1_000)])],
    [
      'with a proof that is cut off',
      Buffer.concat([Buffer.of(message.extension), string('session-bind@openssh.com'), uint32(9)]),
    ],
  ])('%s is refused, and the connection goes on', async (_, body) => {
    await onConnection(guarded, async (agent) => {
      expect([message.failure, message.extensionFailure]).toContain((await agent.ask(body))[0]);
      expect((await agent.ask(Buffer.of(message.requestIdentities)))[0]).toBe(message.identitiesAnswer);
    });
  });
});
