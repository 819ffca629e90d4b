import { expect, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { makeReapScene } from '../../test/fakes/reap-scene.ts';
import { makeSpec } from '../../test/machine/lab.ts';

const hourMs = 3_600_000;

it('what dead machines have left behind goes once no order can want it any more', async () => {
  const runtime = createFakeRuntime();
  const { cloud, ...provider } = createFakeProvider({ runtime, caps: { clock: 'this-computer' } });
  const scene = makeReapScene(provider, runtime);
  const alive = makeSpec({ region: 'here', size: 'small', expiresAt: null });
  const { key } = makeSpec();
  const signal = new AbortController().signal;
  await provider.create(alive, { signal, deadline: new Date(runtime.now() + 60_000) });
  const thing = { id: 'f-1', name: 'spuff', billed: false } as const;
  cloud.leftovers.push(
    { ...thing, kind: 'firewall', key },
    { ...thing, kind: 'firewall', id: 'f-2', key: alive.key },
    { ...thing, kind: 'volume', id: 'v-1', key },
    { ...thing, kind: 'firewall', id: 'f-3', key: null },
  );
  // Keys of the tests are of today; the fake cloud lives in the past.
  runtime.advance(Date.now() - runtime.now() + 25 * hourMs);
  expect((await scene.reap()).leftovers).toEqual([]);
  runtime.advance(2 * hourMs);
  expect((await scene.reap({ owner: 'me' })).leftovers).toEqual([]);
  expect((await scene.reap({ dryRun: true })).leftovers.map(({ id }) => id)).toEqual(['f-1']);
  expect(cloud.leftovers).toHaveLength(4);
  expect((await scene.reap()).leftovers.map(({ id }) => id)).toEqual(['f-1']);
  expect(cloud.leftovers.map(({ id }) => id)).toEqual(['f-2', 'v-1', 'f-3']);
});
