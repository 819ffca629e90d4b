import { expect, it } from 'vitest';
import { createFakeRuntime } from '../../test/contract/fake-cloud.ts';
import { createFakeProvider } from '../../test/contract/fake-provider.ts';
import { makeReapScene } from '../../test/fakes/reap-scene.ts';
import { sampleInstance } from '../../test/fakes/sample-instance.ts';
import { makeSpec, within } from '../../test/machine/lab.ts';

const hourMs = 3_600_000;

/** Two reapers of one computer, which both see instances that are due. */
async function reapTwice(change: { isGone: boolean }): Promise<string[][]> {
  const runtime = createFakeRuntime();
  const provider = createFakeProvider({ runtime });
  const scene = makeReapScene(provider, runtime);
  for (const name of ['one', 'two', 'three']) {
    const expiresAt = new Date(runtime.now() + hourMs);
    const spec = makeSpec({ region: 'here', size: 'small', instanceName: name, expiresAt });
    const vm = await provider.create(spec, { ...within(hourMs), deadline: new Date(runtime.now() + hourMs) });
    const { key } = spec;
    scene.state.insertInstance(
      sampleInstance({ ...{ key, name, vmId: vm.id, expiresAt }, createdAt: new Date(runtime.now()) }),
    );
    if (change.isGone) provider.cloud.remove(vm.id);
  }
  runtime.advance(30 * hourMs);
  const outcomes = await Promise.all([scene.outcomes(), scene.outcomes()]);
  expect(scene.state.listInstances()).toEqual([]);
  expect(scene.state.listReceipts()).toHaveLength(3);
  return outcomes;
}

it.each([true, false])(
  'two reapers at once leave each other’s to the other, and say nothing failed',
  async (isGone) => {
    const outcomes = (await reapTwice({ isGone })).flat();
    expect(outcomes.filter((line) => line.includes('failed'))).toEqual([]);
    expect(
      outcomes.filter((line) => /: (destroyed|gone), (past-deadline|gone)$/.test(line)).length,
    ).toBeGreaterThanOrEqual(3);
  },
);
