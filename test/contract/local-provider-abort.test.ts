/** Ctrl-C while the engine makes a machine: whatever the moment, what comes of it can be found and removed. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { Provider } from '../../src/domain/provider.ts';
import { runProcess } from '../../src/lib/process.ts';
import { cleanUp, makeSpec, openProvider, within } from '../machine/lab.ts';

const rounds = 24;
const keys: InstanceKey[] = [];
afterAll(() => cleanUp(keys));

/** Containers of a key, asked of the engine past spuff. */
async function containersOf(key: InstanceKey): Promise<string[]> {
  const argv = ['docker', 'ps', '--all', '--quiet', '--filter', `label=spuff.key=${key}`];
  const { stdout } = await runProcess(argv, { timeoutMs: 30_000 });
  return stdout.split('\n').filter((id) => id !== '');
}

/** As the undo of `up` does it. */
async function remove(provider: Provider, key: InstanceKey): Promise<void> {
  const vm = await provider.find(key, within(60_000));
  if (vm) await provider.destroy(vm.id, { ...within(60_000), expectKey: key });
}

it('an abort at any moment of create leaves nothing behind that is not found', async () => {
  const provider = openProvider();
  const first = makeSpec();
  keys.push(first.key);
  const startedAt = performance.now();
  await provider.create(first, within(60_000));
  const wholeMs = performance.now() - startedAt;
  await remove(provider, first.key);

  for (let round = 0; round < rounds; round++) {
    const spec = makeSpec();
    keys.push(spec.key);
    const stop = new AbortController();
    // Evenly over the whole of it, and by chance within each part.
    const timer = setTimeout(() => stop.abort(), ((round + Math.random()) / rounds) * wholeMs);
    await provider.create(spec, { ...within(60_000), signal: stop.signal }).catch(() => undefined);
    clearTimeout(timer);
    await remove(provider, spec.key);
  }
  // Time for what an engine might still be making.
  await delay(3_000);
  const left = await Promise.all(keys.map(containersOf));
  expect(left.flat()).toEqual([]);
});

it('a deadline at any moment of create leaves nothing behind that is not found', async () => {
  const provider = openProvider();
  for (let round = 0; round < 12; round++) {
    const spec = makeSpec();
    keys.push(spec.key);
    await provider.create(spec, within(20 + round * 25)).catch(() => undefined);
    await remove(provider, spec.key);
  }
  await delay(3_000);
  const left = await Promise.all(keys.map(containersOf));
  expect(left.flat()).toEqual([]);
});
