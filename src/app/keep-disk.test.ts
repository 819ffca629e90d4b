import { expect, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { makeReapScene } from '../../test/fakes/reap-scene.ts';
import { makeSpec } from '../../test/machine/lab.ts';
import type { Provider } from '../domain/provider.ts';

const hourMs = 3_600_000;

/** A machine whose disk is to be kept, an hour before its deadline. */
async function open() {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({ runtime, caps: { clock: 'this-computer' } });
  const within = () => ({
    signal: new AbortController().signal,
    deadline: new Date(runtime.now() + 30 * hourMs),
  });
  const expiresAt = new Date(runtime.now() + hourMs);
  const spec = makeSpec({
    region: 'here',
    size: 'small',
    instanceName: 'kept',
    expiresAt,
    onIdle: 'snapshot',
  });
  const { id } = await provider.create(spec, within());
  await provider.waitFor(id, 'running', within());
  const scene = makeReapScene(provider, runtime);
  const outcome = async () => (await scene.outcomes()).join();
  return { ...scene, runtime, provider, cloud: provider.cloud, id, key: spec.key, within, outcome };
}

const refusedOnce = { kind: 'refused', code: 'conflict' } as const;

it('a snapshot of before the lease was extended is not what is kept', async () => {
  const { runtime, cloud, provider, id, key, within, outcome } = await open();
  runtime.advance(2 * hourMs);
  cloud.failNext('destroy', refusedOnce);
  expect(await outcome()).toBe('kept: failed, past-deadline');
  const before = cloud.snapshots.map(({ id: of }) => of);
  expect(before).toHaveLength(1);
  await provider.setExpiry(id, new Date(runtime.now() + 4 * hourMs), { ...within(), expectKey: key });
  runtime.advance(5 * hourMs);
  expect(await outcome()).toBe('kept: destroyed, past-deadline');
  expect(cloud.snapshots).toHaveLength(1);
  expect(before).not.toContain(cloud.snapshots[0]?.id);
});

it('a snapshot of a machine that is off, and nobody knows since when, is good for a quarter of an hour', async () => {
  const { runtime, cloud, id, outcome } = await open();
  cloud.powerOff(id);
  runtime.advance(60_000);
  cloud.failNext('destroy', refusedOnce, refusedOnce);
  await outcome();
  const [first] = cloud.snapshots;
  runtime.advance(10 * 60_000);
  await outcome();
  expect(cloud.snapshots).toEqual([first]);
  runtime.advance(10 * 60_000);
  expect(await outcome()).toMatch(/^kept: destroyed/);
  expect(cloud.snapshots).toHaveLength(1);
  expect(cloud.snapshots[0]?.id).not.toBe(first?.id);
});

it('an order whose answer was lost, or that was refused for the moment, is given again in the same run', async () => {
  const { runtime, cloud, outcome } = await open();
  runtime.advance(2 * hourMs);
  cloud.failNext(
    'snapshots.create',
    { kind: 'refused', code: 'ambiguous' },
    { kind: 'refused', code: 'server', retryable: true },
  );
  expect(await outcome()).toBe('kept: destroyed, past-deadline');
  expect(cloud.snapshots).toHaveLength(1);
});

it('one that is never taken keeps the machine', async () => {
  const { runtime, cloud, outcome } = await open();
  runtime.advance(2 * hourMs);
  const refused = { kind: 'refused', code: 'ambiguous' } as const;
  cloud.failNext('snapshots.create', refused, refused, refused);
  expect(await outcome()).toBe('kept: failed, past-deadline');
  expect(cloud.machines).toHaveLength(1);
});

it('of two reapers at once one snapshot stays, and neither of them fails', async () => {
  const { runtime, provider, cloud, state, reap } = await open();
  const other = makeReapScene(provider, runtime);
  runtime.advance(2 * hourMs);
  const reports = await Promise.all([reap(), other.reap()]);
  const outcomes = reports.flatMap(({ machines }) => machines.map(({ outcome }) => outcome));
  expect(outcomes).not.toContain('failed');
  // Each of them has asked for one, which takes two requests.
  expect(cloud.requests.filter((op) => op === 'snapshots.create')).toHaveLength(4);
  expect(cloud.snapshots).toHaveLength(1);
  expect(cloud.machines).toEqual([]);
  expect(state.listReceipts().length + other.state.listReceipts().length).toBeGreaterThan(0);
});

it('who comes when another has kept the disk and the machine is gone has nothing to tell of', async () => {
  const { runtime, provider, cloud, state, reap } = await open();
  const other = makeReapScene(provider, runtime);
  runtime.advance(2 * hourMs);
  const store = provider.snapshots as NonNullable<Provider['snapshots']>;
  let isFirst = true;
  const late: Provider = {
    ...provider,
    snapshots: {
      ...store,
      // All that the other one does comes between its look and its order.
      create: async (...order) => {
        if (isFirst) {
          isFirst = false;
          await other.reap();
        }
        return store.create(...order);
      },
    },
  };
  const { machines } = await makeReapScene(late, runtime).reap();
  expect(machines).toMatchObject([{ outcome: 'gone', error: null, receipt: null }]);
  expect(other.state.listReceipts()).toHaveLength(1);
  expect(cloud.snapshots).toHaveLength(1);
  expect((await reap()).machines).toEqual([]);
  expect(state.listReceipts()).toEqual([]);
});
