/**
 * What the guard has to answer, said a second time: about names instead of bytes, as what must be true of a whole sequence
 * instead of step by step. Shares nothing with the code that it judges.
 */
import type { BindStep, HostName, KeyName, SignStep, Step } from './agent-sequences.ts';

/** What the policy says, by the names of the model. */
export interface World {
  lease: 'running' | 'over' | 'revoked';
  shownKeys: readonly KeyName[];
  listed: ReadonlyArray<{ host: HostName; users: readonly string[]; plain: boolean }>;
  commitSigning: 'allow' | 'confirm' | 'off';
}

/** Key, flags and algorithm that go together; a commit names no algorithm. */
const matching = new Set([
  'ed 0 ssh-ed25519',
  'ecdsa 0 ecdsa-sha2-nistp256',
  'sk 0 sk-ssh-ed25519@openssh.com',
  'rsa 2 rsa-sha2-256',
  'rsa 4 rsa-sha2-512',
]);
const flagBytes = 4;

const all = (...conditions: boolean[]) => conditions.every(Boolean);
const bindsOf = (steps: readonly Step[]) => steps.filter((step): step is BindStep => step.do === 'bind');

function isTrue(bind: BindStep): boolean {
  return all(
    bind.signer === bind.host,
    bind.signedSession === bind.session,
    bind.host !== 'weak',
    bind.forwarding < 2,
    bind.message === 'none',
    bind.flipFromEnd === 0,
  );
}

/** Whether all that was said about sessions so far is true, possible, and begins with the machine. */
export function isTrusted(before: readonly Step[]): boolean {
  const binds = bindsOf(before);
  return all(
    binds.length >= 1 && binds.length <= 4,
    binds.every(isTrue),
    new Set(binds.map(({ session }) => session)).size === binds.length,
    binds[0]?.host === 'machine',
    binds[0]?.forwarding === 1,
    binds.slice(0, -1).every(({ forwarding }) => forwarding === 1),
  );
}

export function maySee(world: World, before: readonly Step[]): boolean {
  return world.lease === 'running' && isTrusted(before);
}

export function maySign(world: World, before: readonly Step[], step: SignStep): boolean {
  return all(
    maySee(world, before),
    world.shownKeys.includes(step.key),
    step.message === 'none',
    step.data === 'none',
    step.what === 'login' ? mayLogIn(world, bindsOf(before), step) : mayCommit(world, bindsOf(before), step),
  );
}

function mayLogIn({ listed }: World, binds: readonly BindStep[], step: SignStep): boolean {
  const target = binds[1];
  return all(
    binds.length === 2,
    target?.forwarding === 0,
    target?.session === step.session,
    target?.host !== 'machine',
    step.type === 50,
    step.signed === 1,
    step.service === 'ssh-connection',
    step.namedKey === step.key,
    matching.has(`${step.key} ${step.flags} ${step.algorithm}`),
    step.hostKey === null || step.hostKey === target?.host,
    step.method === (step.hostKey === null ? 'publickey' : 'publickey-hostbound-v00@openssh.com'),
    step.flipFromEnd === 0,
    listed.some(
      ({ host, users, plain }) =>
        host === target?.host && users.includes(step.user) && (plain || step.hostKey !== null),
    ),
  );
}

function mayCommit({ commitSigning }: World, binds: readonly BindStep[], step: SignStep): boolean {
  // What a changed byte does: the last one is of the flags, and any digest is as good as another.
  const flags = step.flipFromEnd === 1 ? (step.flags ^ step.flipBits) >>> 0 : step.flags;
  const isHarmless = step.flipFromEnd <= 1 || isWithin(step.flipFromEnd, flagBytes, step.digestBytes);
  return all(
    commitSigning !== 'off',
    binds.length === 1,
    step.namespace === 'git',
    step.reserved === '',
    `${step.hash} ${step.digestBytes}` === 'sha256 32' || `${step.hash} ${step.digestBytes}` === 'sha512 64',
    [...matching].some((line) => line.startsWith(`${step.key} ${flags} `)),
    isHarmless,
  );
}

function isWithin(fromEnd: number, skipped: number, length: number): boolean {
  return fromEnd > skipped && fromEnd <= skipped + length;
}
