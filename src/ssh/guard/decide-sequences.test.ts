import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  commitOf,
  encodeStep,
  hostNames,
  hosts,
  keyBlobs,
  keyNames,
  loginOf,
  mutate,
  type Step,
} from '../../../test/fakes/agent-sequences.ts';
import { maySee, maySign, type World } from '../../../test/fakes/guard-oracle.ts';
import type { GuardPolicy } from '../../domain/guard.ts';
import { parseExtension } from './agent-messages.ts';
import {
  type ConnectionState,
  decideBind,
  decideSign,
  mayList,
  newConnection,
  selectKeys,
  toShownKey,
} from './decide.ts';

const isNightly = process.env['SPUFF_NIGHTLY'] === '1';
const sequences = isNightly ? 1_000_000 : 50_000;

const agentKeys = keyNames
  .filter((name) => name !== 'absent')
  .map((name) => toShownKey({ keyBlob: keyBlobs[name], comment: `${name}@home` }));
const fingerprintOf = (name: (typeof keyNames)[number]) =>
  toShownKey({ keyBlob: keyBlobs[name], comment: '' }).fingerprint;
const usable = ['ed', 'ecdsa', 'rsa', 'sk'] as const;

/** A policy beside what it means in the words of the oracle. */
const keyLists: Array<Pick<GuardPolicy, 'keys'> & Pick<World, 'shownKeys'>> = [
  { keys: [], shownKeys: usable },
  { keys: [[...usable.map(fingerprintOf), 'dsa@home']], shownKeys: usable },
  {
    keys: [
      [fingerprintOf('ed'), 'rsa@home'],
      ['rsa@home', 'sk@home'],
    ],
    shownKeys: ['rsa'],
  },
];
const usualHosts: World['listed'] = [
  { host: 'forge', users: ['git'], plain: true },
  { host: 'lab', users: ['dev'], plain: false },
  { host: 'rack', users: ['dev', 'git'], plain: false },
  { host: 'weak', users: ['git'], plain: true },
];
const hostLists: World['listed'][] = [
  usualHosts,
  [{ host: 'machine', users: ['git', 'dev'], plain: true }, ...usualHosts],
  [{ host: 'forge', users: ['dev'], plain: false }, ...usualHosts],
];

function buildPolicy(world: World, keys: GuardPolicy['keys']): GuardPolicy {
  return {
    keys,
    destinations: world.listed.map(({ host, users, plain }) => ({
      name: host,
      users,
      hostKeys: [`${hosts[host].type} ${hosts[host].blob.toString('base64')}`],
      plain,
    })),
    confirm: 'never',
    confirmTimeoutMs: 1_000,
    leaseMs: 1_000,
    rate: { perMinute: 30, burst: 10 },
    commitSigning: world.commitSigning,
  };
}

const worlds = fc
  .record({
    lease: fc.oneof(
      { weight: 18, arbitrary: fc.constant('running' as const) },
      { weight: 1, arbitrary: fc.constantFrom('over' as const, 'revoked' as const) },
    ),
    keyList: fc.constantFrom(...keyLists),
    listed: fc.constantFrom(...hostLists),
    commitSigning: fc.constantFrom('allow' as const, 'confirm' as const, 'off' as const),
  })
  .map(({ keyList, ...rest }) => {
    const world: World = { ...rest, shownKeys: keyList.shownKeys };
    return { world, policy: buildPolicy(world, keyList.keys) };
  });

const nearlyValid = fc
  .record({
    host: fc.constantFrom(...hostNames),
    user: fc.constantFrom('git', 'dev'),
    key: fc.constantFrom(...usable),
    kind: fc.constantFrom('plain', 'bound', 'commit'),
    mutations: fc.array(
      fc.record({
        how: fc.constantFrom(
          'set' as const,
          'set' as const,
          'set' as const,
          'drop',
          'repeat',
          'swap',
          'insert',
        ),
        step: fc.nat(9),
        field: fc.nat(1_000),
        value: fc.nat(1_000),
      }),
      { maxLength: 2 },
    ),
  })
  .map(({ host, user, key, kind, mutations }) => {
    const valid = kind === 'commit' ? commitOf(key) : loginOf(host, user, key, kind === 'bound');
    return mutations.reduce<Step[]>(mutate, valid);
  });

/** Deciding about a bind is pure, and most of it is checking signatures: the same one after the same ones is decided once. */
const decidedBinds = new WeakMap<ConnectionState, Map<string, ConnectionState>>();

function bindOnce(state: ConnectionState, body: Buffer): ConnectionState {
  const decided = decidedBinds.get(state) ?? new Map<string, ConnectionState>();
  decidedBinds.set(state, decided);
  const name = body.toString('latin1');
  const known = decided.get(name);
  if (known) return known;
  const extension = parseExtension(body);
  const bind = extension?.kind === 'session-bind' ? extension.bind : null;
  const next = decideBind(state, bind, hosts.machine.blob);
  decided.set(name, next.state);
  return next.state;
}

/** What a connection may do after each step, as the guard decides by the bytes. */
function observe(steps: readonly Step[], world: World, policy: GuardPolicy): boolean[][] {
  const keys = selectKeys(agentKeys, policy);
  const machineHostKey = hosts.machine.blob;
  let state: ConnectionState = newConnection;
  return steps.map((step) => {
    const body = encodeStep(step);
    let isSigned = false;
    if (step.do === 'sign') {
      isSigned = decideSign(state, body, { policy, machineHostKey, keys, lease: world.lease }).allowed;
    } else {
      state = bindOnce(state, body);
    }
    return [isSigned, mayList(state, world.lease)];
  });
}

function predict(steps: readonly Step[], world: World): boolean[][] {
  return steps.map((step, index) => [
    step.do === 'sign' && maySign(world, steps.slice(0, index), step),
    maySee(world, steps.slice(0, index + 1)),
  ]);
}

it(`agrees with the oracle about ${sequences} sequences that are valid but for two changes at most`, {
  timeout: isNightly ? 3_600_000 : 120_000,
}, async ({ annotate }) => {
  let allowed = 0;
  fc.assert(
    fc.property(worlds, nearlyValid, ({ world, policy }, steps) => {
      const got = observe(steps, world, policy);
      const expected = predict(steps, world);
      // Only a difference is worth what comparing with words costs.
      if (String(got) !== String(expected)) expect(got).toEqual(expected);
      if (got.some(([isSigned]) => isSigned)) allowed++;
    }),
    { numRuns: sequences },
  );
  const share = allowed / sequences;
  await annotate(`${(share * 100).toFixed(1)} % of the sequences got a signature`);
  expect(share).toBeGreaterThan(0.01);
  expect(share).toBeLessThan(0.9);
});
