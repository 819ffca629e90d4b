/** The simulation can fail: with one rule broken, the count that stands for it rises, and no other need be looked at. */
import { expect, test } from 'vitest';
import { makeInstanceKey } from '../../src/domain/ids.ts';
import type { Provider, SnapshotStore, Vm } from '../../src/domain/provider.ts';
import type { ModelName } from './cloud-model.ts';
import type { ViolationKind } from './judge-life.ts';
import type { Broken } from './life.ts';
import type { LifePlan } from './life-plan.ts';
import { dayMs, hourMs, minuteMs } from './life-plan.ts';
import { simulate } from './simulate.ts';

const strangeKey = makeInstanceKey(0, new Uint8Array(10));

/** The provider with another look at its machines. */
function seen(whole: Provider, change: (vm: Vm) => Vm): Provider {
  return {
    ...whole,
    get: async (id, call) => {
      const vm = await whole.get(id, call);
      return vm && change(vm);
    },
    async *list(call) {
      for await (const vm of whole.list(call)) yield change(vm);
    },
  };
}

/** As if no key were asked for, neither by the judge nor by the provider. */
const takesEverything: Broken['provider'] = (whole, model) => ({
  ...seen(whole, (vm) => ({ ...vm, key: vm.key ?? strangeKey })),
  destroy: (id) => model.remove(id),
});

/** Its key is asked for by the provider still. */
const asksOnlyAtTheEnd: Broken['provider'] = (whole) =>
  seen(whole, (vm) => ({ ...vm, key: vm.key ?? strangeKey }));

const goesByTheLaptop: Broken['provider'] = (whole, _model, { kind }) =>
  kind === 'reap' ? { ...whole, caps: { ...whole.caps, clock: 'this-computer' } } : whole;

const readsNoDeadline: Broken['provider'] = (whole) => seen(whole, (vm) => ({ ...vm, expiresAt: null }));

const blamesTheMachine: Broken['provider'] = (whole) => ({ ...whole, whyOff: async () => 'guest' });

const showsNothing: Broken['provider'] = (whole) => ({
  ...whole,
  async *list() {
    yield* [];
  },
});

/** Says that it takes snapshots, and takes none. */
const keepsNothing: Broken['provider'] = (whole) => ({
  ...whole,
  snapshots: {
    ...(whole.snapshots as SnapshotStore),
    create: async (id, name, { expectKey: key }) => ({
      ...{ id, name, key, instanceName: null, createdAt: new Date(0) },
      ...{ sizeBytes: null, region: null, billed: false },
    }),
  },
});

const isSkewed = (plan: LifePlan): LifePlan => ({
  ...plan,
  laptop: { ...plan.laptop, skewMs: dayMs, reapEveryMs: 5 * minuteMs, lostAtMs: Number.POSITIVE_INFINITY },
});
const isLost = (plan: LifePlan): LifePlan => ({
  ...{ ...plan, second: null, elsewhere: null },
  laptop: { ...plan.laptop, lostAtMs: hourMs },
});
const hasTwins = (plan: LifePlan): LifePlan => ({
  ...{ ...isLost(plan), twinShare: 1, deletedAtMs: null },
  second: {
    skewMs: 0,
    asleep: [],
    cutOff: [],
    lostAtMs: Number.POSITIVE_INFINITY,
    reapEveryMs: 5 * minuteMs,
  },
});
const isOffByOwner = (plan: LifePlan): LifePlan => ({
  ...plan,
  ownerOff: { fromMs: plan.ttlMs / 4, toMs: plan.ttlMs },
});
const keepsDisks = (plan: LifePlan): LifePlan => ({ ...plan, onIdle: 'snapshot' });
const asItIs = (plan: LifePlan): LifePlan => plan;

interface Case {
  rule: string;
  broken: Broken;
  kind: ViolationKind;
  model?: ModelName;
  change?: (plan: LifePlan) => LifePlan;
}

const mostLives = 100;

const cases: readonly Case[] = [
  {
    rule: 'only what bears a key is touched',
    broken: { provider: takesEverything },
    kind: 'not-spuffs-destroyed',
  },
  {
    rule: 'time is the provider’s',
    ...{ broken: { provider: goesByTheLaptop }, kind: 'ended-in-use', change: isSkewed },
  },
  { rule: 'use keeps a machine on', broken: { isDeaf: true }, kind: 'ended-in-use', model: 'local' },
  { rule: 'a deadline ends a machine', broken: { provider: readsNoDeadline }, kind: 'billed-too-long' },
  {
    rule: 'what its owner switched off is kept',
    ...{ broken: { provider: blamesTheMachine }, kind: 'ended-in-use', change: isOffByOwner },
  },
  {
    rule: 'a reaper sees what no state knows',
    ...{ broken: { provider: showsNothing }, kind: 'untracked', change: isLost },
  },
  {
    rule: 'a disk is kept before its machine goes',
    ...{ broken: { provider: keepsNothing }, kind: 'lost-disk', change: keepsDisks },
  },
  {
    rule: 'a machine has one receipt',
    ...{ broken: { writesTwice: true }, kind: 'two-receipts', change: hasTwins },
  },
];

test.for(cases)('without the rule that $rule, $kind is counted', { timeout: 60_000 }, async (one) => {
  const { broken, kind, model = 'digitalocean', change = asItIs } = one;
  for (let first = 0; first < mostLives; first++) {
    const life = { model, seed: 'broken', lives: 1, first, change };
    if ((await simulate({ ...life, broken })).counts[kind] === 0) continue;
    // The same life with all rules in force.
    expect((await simulate(life)).findings).toEqual([]);
    return;
  }
  expect.unreachable(`${kind} is never counted`);
});

test('a judge that asks for no key destroys nothing that is not spuff’s: the provider asks again', async () => {
  const tally = await simulate({
    ...{ model: 'hetzner', seed: 'broken', lives: 5, broken: { provider: asksOnlyAtTheEnd } },
    change: (plan) => ({ ...plan, hasForeign: true }),
  });
  expect(tally.counts['not-spuffs-destroyed']).toBe(0);
});
