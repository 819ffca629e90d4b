/** Ways in which root on a machine tries to log in somewhere with the agent that was lent to it. */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { RefusalReason } from '../../src/domain/guard.ts';
import { connectAgent } from './agent-client.ts';
import {
  type Bind,
  decodeBind,
  decodeLogin,
  encodeBind,
  encodeLogin,
  keyBlob,
  message,
  proveSession,
  readStrings,
  signRequest,
} from './agent-wire.ts';
import type { GuardScene, LentSession } from './guard-scene.ts';
import { startTamperingAgent, type Tamper } from './tampering-agent.ts';

const success = Buffer.of(message.success);

/** ssh logs in while what it says to the agent goes through `tamper`. */
async function logInTampering(
  scene: GuardScene,
  session: LentSession,
  args: readonly string[],
  tamper: Tamper,
): Promise<boolean> {
  const agent = await startTamperingAgent(join(scene.ssh.folder, 'tampering'), session.socketPath, tamper);
  try {
    return await session.canLogIn(args, { SSH_AUTH_SOCK: agent.socketPath });
  } finally {
    await agent.close();
  }
}

/**
 * Changes each proof of a host that ssh passes on, and tells ssh that all is well. The keys are asked for apart from that:
 * root knows them, whatever the connection is shown after a proof that was refused.
 */
function changeBinds(session: LentSession, change: (bind: Bind) => readonly Bind[]): Tamper {
  return async (body, agent) => {
    if (body[0] === message.requestIdentities) return askOnce(session, body);
    const bind = decodeBind(body);
    if (bind === null) return agent.ask(body);
    for (const changed of change(bind)) await agent.ask(encodeBind(changed));
    return success;
  };
}

/** On a connection of its own. */
export async function askOnce(session: LentSession, body: Uint8Array): Promise<Buffer> {
  const agent = await connectAgent(session.socketPath);
  try {
    return await agent.ask(body);
  } finally {
    agent.close();
  }
}

/** The proof that ssh made when it logged in to an allowed host, as root on the machine can write it down. */
export async function recordBind(
  scene: GuardScene,
  session: LentSession,
  args: readonly string[],
): Promise<Bind> {
  let recorded: Bind | null = null;
  await logInTampering(scene, session, args, async (body, agent) => {
    recorded ??= decodeBind(body);
    return agent.ask(body);
  });
  if (recorded === null) throw new Error('ssh proved no host');
  return recorded;
}

export type LoginAttack = (scene: GuardScene, session: LentSession) => Promise<boolean>;

const toOther = ['admin@other'];

function flipLastBit(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

/** The machine says that the host it goes to is the machine itself, or what else it holds the key of. */
function claimToBe(key: KeyObject, hostKey: Buffer, change: Partial<Bind>): (bind: Bind) => Bind {
  return (bind) => ({ ...bind, hostKey, signature: proveSession(key, bind.sessionId), ...change });
}

/**
 * As one who holds the key of an allowed host, and goes to another: proof and signature name the allowed one.
 */
export async function logInAsIfToForge(scene: GuardScene, session: LentSession): Promise<boolean> {
  const hostKey = keyBlob(scene.forge.hostPublicKey());
  const claim = claimToBe(scene.hostKeyOf(scene.forge), hostKey, {});
  return logInTampering(
    scene,
    session,
    ['git@other'],
    renameHost(session, (bind) => [claim(bind)], hostKey),
  );
}

/** Has the agent sign what names another host key, for whoever does not look. */
function renameHost(session: LentSession, change: (bind: Bind) => readonly Bind[], hostKey: Buffer): Tamper {
  const changed = changeBinds(session, change);
  return async (body, agent) => {
    if (body[0] !== message.signRequest) return changed(body, agent);
    const { strings } = readStrings(body.subarray(1), 2);
    const [key, data] = strings as [Buffer, Buffer];
    const login = decodeLogin(data);
    if (login.hostKey === null) return agent.ask(body);
    return agent.ask(signRequest(key, encodeLogin({ ...login, hostKey })));
  };
}

/** How ssh proves hosts to the agent: what it says of each, given what ssh would say and what was recorded before. */
type Lie = (bind: Bind, recorded: Bind) => readonly Bind[];

const records = new WeakMap<GuardScene, Promise<Bind>>();

/** In the first session that asks; root keeps it for all others. */
function recordOnce(scene: GuardScene, session: LentSession): Promise<Bind> {
  const record = records.get(scene) ?? recordBind(scene, session, ['git@forge']);
  records.set(scene, record);
  return record;
}

function lying(args: readonly string[], lie: Lie): LoginAttack {
  return async (scene, session) => {
    const recorded = await recordOnce(scene, session);
    return logInTampering(
      scene,
      session,
      args,
      changeBinds(session, (bind) => lie(bind, recorded)),
    );
  };
}

/** As `lying`, by one who has the private half of a host key, and says that this is the host. */
function posing(
  args: readonly string[],
  who: 'machine' | 'forge',
  lie: (bind: Bind, claim: Bind) => readonly Bind[],
): LoginAttack {
  return (scene, session) => {
    const host = who === 'machine' ? session.machine : scene.forge;
    const claim = claimToBe(scene.hostKeyOf(host), keyBlob(host.hostPublicKey()), {});
    return logInTampering(
      scene,
      session,
      args,
      changeBinds(session, (bind) => lie(bind, claim(bind))),
    );
  };
}

const plainly = ['-o', 'PubkeyAuthentication=unbound'];

/** By name, with why the guard refuses it. Each gets in with the raw agent. */
export const loginAttacks: ReadonlyArray<
  readonly [name: string, reason: RefusalReason, attack: LoginAttack]
> = [
  ['to a host that is not allowed', 'destination', (_, session) => session.canLogIn(toOther)],
  ['to an allowed host as another user', 'user', (_, session) => session.canLogIn(['admin@forge'])],
  [
    'to another host by way of an allowed one (ssh -J)',
    'destination',
    (_, session) => session.canLogIn(['-J', 'git@forge', ...toOther]),
  ],
  [
    'to another host with the plain method',
    'destination',
    (_, session) => session.canLogIn([...plainly, ...toOther]),
  ],
  ['without the proof of any host', 'unbound', lying(toOther, () => [])],
  [
    'with a forged proof',
    'poisoned',
    lying(toOther, (bind) => [{ ...bind, signature: flipLastBit(bind.signature) }]),
  ],
  [
    'with the key of an allowed host on the proof of another',
    'poisoned',
    lying(toOther, (bind, { hostKey }) => [{ ...bind, hostKey }]),
  ],
  ['with the recorded proof of an allowed host', 'unbound', lying(toOther, (_, recorded) => [recorded])],
  [
    'with the recorded proof of an allowed host on the id of another session',
    'poisoned',
    lying(toOther, ({ sessionId }, recorded) => [{ ...recorded, sessionId }]),
  ],
  [
    'with the recorded proof of an allowed host before the right one',
    'poisoned',
    lying(toOther, (bind, recorded) => [recorded, bind]),
  ],
  [
    'with the recorded proof of an allowed host after the right one',
    'poisoned',
    lying(toOther, (bind, recorded) => [bind, recorded]),
  ],
  [
    'as if an allowed host had passed the agent on',
    'wrong-machine',
    lying(toOther, (bind, recorded) => [{ ...recorded, forwarding: true }, bind]),
  ],
  [
    "with the machine's own host key as that of the host",
    'destination',
    posing([...plainly, ...toOther], 'machine', (_, claim) => [claim]),
  ],
  [
    'as if the machine had passed the agent on to itself',
    'poisoned',
    posing(toOther, 'machine', (bind, claim) => [{ ...claim, forwarding: true }, bind]),
  ],
  [
    'by one who also holds the key of an allowed host, with the plain method',
    'plain',
    posing([...plainly, 'git@other'], 'forge', (_, claim) => [claim]),
  ],
];
