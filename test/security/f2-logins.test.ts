/**
 * F2: root on the machine, with the agent that a session lends, tries to log in where the user has not allowed it. Each
 * attack first gets in with the raw agent, as `ssh -A` lends it, at a real sshd.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeRefusal } from '../../src/app/describe-refusal.ts';
import type { RefusalReason } from '../../src/domain/guard.ts';
import { GuardScene, type LentSession } from '../guard/guard-scene.ts';
import { logInAsIfToForge, loginAttacks } from '../guard/login-attacks.ts';

let scene: GuardScene;
let raw: LentSession;
beforeAll(async () => {
  scene = new GuardScene();
  await scene.start();
  scene.makeRepository('repo');
  raw = await scene.lend({ lend: 'raw' });
});
afterAll(() => scene.remove());

/** A guard tells of no more than twenty refusals in a row: then a new one is asked. */
let guarded: LentSession | null = null;
async function lend(): Promise<LentSession> {
  if (guarded && guarded.told().length < 15) return guarded;
  await guarded?.end();
  guarded = await scene.lend();
  return guarded;
}

type Step = (session: LentSession) => Promise<boolean>;

/** Gives the reasons of the refusals that come of it. */
async function expectRefused(session: LentSession, attack: Step): Promise<Array<RefusalReason | null>> {
  const before = session.told().length;
  expect(await attack(session)).toBe(false);
  return session
    .told()
    .slice(before)
    .map(({ reason }) => reason);
}

describe('a login', () => {
  it.each(loginAttacks)('%s is refused', async (_, reason, attack) => {
    const take: Step = (session) => attack(scene, session);
    expect(await take(raw)).toBe(true);
    expect(await expectRefused(await lend(), take)).toContain(reason);
  });

  it('that is allowed works after all of that', async () => {
    const session = await lend();
    expect(await session.run('dev', ['git', 'ls-remote', 'forge:repo.git'])).toMatchObject({ status: 0 });
  });

  it('that an allowed host makes, to which the machine passed the agent on, is refused', async () => {
    const hop = ['-A', 'admin@forge', 'ssh', '-p', String(scene.other.port)];
    const blind = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const args = [...hop, ...blind.flatMap((option) => ['-o', option]), 'admin@127.0.0.1'];
    expect(await raw.canLogIn(args)).toBe(true);
    const session = await scene.lend({
      policy: { destinations: [scene.destination({ users: ['git', 'admin'] })] },
    });
    expect(await session.canLogIn(['admin@forge'])).toBe(true);
    expect(await expectRefused(session, (one) => one.canLogIn(args))).toContain('wrong-machine');
    await session.end();
  });

  it('with a signature that was made for an allowed host gets in nowhere else: it names that host', async () => {
    const session = await lend();
    const before = await session.status();
    scene.other.clearLog();
    expect(await expectRefused(session, (one) => logInAsIfToForge(scene, one))).toEqual([]);
    expect((await session.status()).signed).toBe(before.signed + 1);
    expect(scene.other.log()).toContain('Failed publickey for git');
  });

  it('to a host that is trusted with the plain method can be carried on by whoever holds its key', async () => {
    // Why only the built-in forges are trusted with it: this is what every other host could do.
    const [, , attack] = loginAttacks.find(([, reason]) => reason === 'plain') ?? [];
    const session = await scene.lend({ policy: { destinations: [scene.destination({ plain: true })] } });
    expect(await attack?.(scene, session)).toBe(true);
    await session.end();
  });

  it('that is refused is told with what would allow it', async () => {
    const session = await scene.lend();
    await session.canLogIn(['admin@other']);
    await session.canLogIn(['admin@forge']);
    const [host, user] = session.told().map(describeRefusal);
    expect(host?.message).toMatch(
      /refused a signature: demo asked to log in to SHA256:\S+ as admin, but the host/,
    );
    expect(host?.hint).toMatch(/^to allow it: spuff guard allow HOST --host-key SHA256:/);
    expect(user?.hint).toBe('to allow it: spuff guard allow forge --user admin');
  });
});
