import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forgeNames, forges } from './forge-keys.ts';
import {
  type CommitSigning,
  type ConfirmMode,
  commitSigningModes,
  confirmModes,
  type GuardPolicy,
} from './guard.ts';
import { emptyGuardFile, type GuardFile, mergePolicies, resolvePolicy } from './guard-policy.ts';

const keys = ['SHA256:a', 'SHA256:b', 'work@laptop', 'home'];
const hostKeys = ['ssh-ed25519 h1', 'ssh-ed25519 h2', 'ssh-ed25519 h3'];
const users = ['git', 'alice', 'root'];
const hosts = ['git.example.com', 'other.example.com'];

/** As a guard gets it. */
interface Wish {
  key: { fingerprint: string; comment: string };
  login: { hostKey: string; user: string; plain: boolean } | null;
}

/** By the words of the contract alone. */
function allows(policy: GuardPolicy, { key, login }: Wish): boolean {
  const mayUseKey = policy.keys.every((list) => list.includes(key.fingerprint) || list.includes(key.comment));
  if (!mayUseKey) return false;
  if (login === null) return policy.commitSigning !== 'off';
  return policy.destinations.some(
    (destination) =>
      destination.hostKeys.includes(login.hostKey) &&
      destination.users.includes(login.user) &&
      (destination.plain || !login.plain),
  );
}

const wishes: fc.Arbitrary<Wish> = fc.record({
  key: fc.record({
    fingerprint: fc.constantFrom(...keys.slice(0, 2)),
    comment: fc.constantFrom(...keys.slice(2)),
  }),
  login: fc.option(
    fc.record({
      hostKey: fc.constantFrom(...hostKeys, forges[0]!.keys[0]!.line, forges[3]!.keys[0]!.line),
      user: fc.constantFrom(...users),
      plain: fc.boolean(),
    }),
  ),
});

const policies: fc.Arbitrary<GuardPolicy> = fc.record({
  keys: fc.array(fc.subarray(keys), { maxLength: 2 }),
  destinations: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom(...hosts),
      users: fc.subarray(users),
      hostKeys: fc.subarray(hostKeys),
      plain: fc.boolean(),
    }),
    { selector: ({ name }) => name },
  ),
  confirm: fc.constantFrom<ConfirmMode>(...confirmModes),
  confirmTimeoutMs: fc.integer({ min: 1_000, max: 9_000 }),
  leaseMs: fc.integer({ min: 1_000, max: 9_000 }),
  rate: fc.record({ perMinute: fc.integer({ min: 1, max: 60 }), burst: fc.integer({ min: 1, max: 20 }) }),
  commitSigning: fc.constantFrom<CommitSigning>(...commitSigningModes),
});

const files: fc.Arbitrary<GuardFile> = fc.record({
  keys: fc.option(fc.subarray(keys)),
  forges: fc.option(fc.subarray([...forgeNames])),
  hosts: fc.option(
    fc.uniqueArray(
      fc.record({
        host: fc.constantFrom(...hosts, 'github.com'),
        users: fc.option(fc.subarray(users)),
        hostKeys: fc.option(fc.subarray(hostKeys, { minLength: 1 })),
      }),
      { selector: ({ host }) => host },
    ),
  ),
  confirm: fc.option(fc.constantFrom<ConfirmMode>(...confirmModes)),
  confirmTimeoutMs: fc.option(fc.integer({ min: 1_000, max: 60_000 })),
  leaseMs: fc.option(fc.integer({ min: 1_000, max: 80_000_000 })),
  ratePerMinute: fc.option(fc.integer({ min: 1, max: 60 })),
  commitSigning: fc.option(fc.constantFrom<CommitSigning>(...commitSigningModes)),
});
/** A user's file never speaks of a forge under `hosts`. */
const userFiles = files.map((file) => ({
  ...file,
  hosts: file.hosts?.filter(({ host }) => host !== 'github.com') ?? null,
}));

const limitsOf = ({ confirm, confirmTimeoutMs, leaseMs, rate, commitSigning }: GuardPolicy) => ({
  confirm: confirmModes.indexOf(confirm),
  commitSigning: commitSigningModes.indexOf(commitSigning),
  confirmTimeoutMs: -confirmTimeoutMs,
  leaseMs: -leaseMs,
  perMinute: -rate.perMinute,
  burst: -rate.burst,
});

function expectNoWider(narrow: GuardPolicy, wide: GuardPolicy): void {
  const [a, b] = [limitsOf(narrow), limitsOf(wide)];
  for (const name of Object.keys(a) as (keyof typeof a)[]) expect(a[name]).toBeGreaterThanOrEqual(b[name]);
}

describe('mergePolicies', () => {
  it('allows what both allow, and nothing else', () => {
    let allowed = 0;
    fc.assert(
      fc.property(policies, policies, wishes, (a, b, wish) => {
        const merged = mergePolicies(a, b);
        if (allows(merged, wish)) allowed++;
        if (allows(merged, wish)) expect(allows(a, wish) && allows(b, wish)).toBe(true);
        expectNoWider(merged, a);
        expectNoWider(merged, b);
      }),
      { numRuns: 4_000 },
    );
    // A property that nothing meets says nothing.
    expect(allowed).toBeGreaterThan(50);
  });

  it('makes no difference between the two, and none when it is done again', () => {
    fc.assert(
      fc.property(policies, policies, wishes, (a, b, wish) => {
        const merged = mergePolicies(a, b);
        expect(allows(mergePolicies(b, a), wish)).toBe(allows(merged, wish));
        expect(limitsOf(mergePolicies(b, a))).toEqual(limitsOf(merged));
        expect(mergePolicies(merged, merged)).toEqual(merged);
        expect(allows(mergePolicies(a, a), wish)).toBe(allows(a, wish));
        expect(mergePolicies(mergePolicies(a, b), b)).toEqual(merged);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('resolvePolicy', () => {
  it('never lets a project widen anything', () => {
    let narrowed = 0;
    fc.assert(
      fc.property(userFiles, files, wishes, (user, project, wish) => {
        const alone = resolvePolicy(user, null);
        const both = resolvePolicy(user, project);
        if (allows(both, wish)) expect(allows(alone, wish)).toBe(true);
        else if (allows(alone, wish)) narrowed++;
        expectNoWider(both, alone);
      }),
      { numRuns: 4_000 },
    );
    expect(narrowed).toBeGreaterThan(50);
  });

  it('has defaults for a user without a file', () => {
    const policy = resolvePolicy(null, null);
    expect(policy).toMatchObject({
      keys: [],
      confirm: 'never',
      confirmTimeoutMs: 30_000,
      leaseMs: 8 * 3_600_000,
      rate: { perMinute: 30, burst: 10 },
      commitSigning: 'off',
    });
    expect(policy.destinations.map(({ name }) => name)).toEqual(forgeNames);
  });

  it('takes from the project what the user has, and leaves out what it does not list', () => {
    const host = (name: string) => ({ host: name, users: ['git', 'deploy'], hostKeys: ['ssh-ed25519 h1'] });
    const user = {
      ...emptyGuardFile,
      hosts: [host('git.example.com'), { ...host('b.example.com'), hostKeys: ['x y'] }],
    };
    const project: GuardFile = {
      ...emptyGuardFile,
      forges: ['github.com'],
      hosts: [
        { host: 'git.example.com', users: ['git', 'root'], hostKeys: null },
        { host: 'new.example.com', users: ['git'], hostKeys: ['ssh-ed25519 h3'] },
      ],
      ratePerMinute: 2,
    };
    const { destinations, rate } = resolvePolicy(user, project);
    expect(destinations.map(({ name, users: who }) => [name, who])).toEqual([
      ['github.com', ['git']],
      ['git.example.com', ['git']],
    ]);
    expect(rate).toEqual({ perMinute: 2, burst: 1 });
  });

  it('trusts a plain signature for the built-in forges alone', () => {
    const user = {
      ...emptyGuardFile,
      hosts: [{ host: 'git.example.com', users: null, hostKeys: ['ssh-ed25519 h1'] }],
    };
    const plain = resolvePolicy(user, null).destinations.filter((destination) => destination.plain);
    expect(plain.map(({ name }) => name)).toEqual(['github.com', 'gitlab.com', 'bitbucket.org']);
  });
});
