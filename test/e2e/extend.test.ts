import { afterAll, beforeAll, expect, it } from 'vitest';
import { openProvider, within } from '../machine/lab.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let home: SpuffHome;
beforeAll(async () => {
  home = makeSpuffHome();
  await home.ok(['init', '--yes']);
  await home.ok(['up', 'demo', '--no-connect', '--ttl', '1h']);
});
afterAll(() => home.remove());

interface Listed {
  instances: { key: string; expiresAt: string }[];
}

/** The end of the lease as the state, the machine itself and the provider have it, in seconds. */
async function ends(): Promise<{ state: number; machine: number; provider: number }> {
  const { instances } = JSON.parse((await home.ok(['ls', '--json'])).stdout) as Listed;
  const { activity } = JSON.parse((await home.ok(['agent', 'activity', 'demo', '--json'])).stdout) as {
    activity: { lease: { deadline: string } };
  };
  const [listed] = instances;
  const vm = await openProvider().find(listed?.key as never, within(30_000));
  const seconds = (time: string | number) => Math.floor(new Date(time).getTime() / 1_000);
  return {
    state: seconds(listed?.expiresAt ?? ''),
    machine: seconds(activity.lease.deadline),
    provider: seconds(vm?.expiresAt?.getTime() ?? 0),
  };
}

it('a lease that is extended ends later at the provider, on the machine and in the list', async () => {
  const before = await ends();
  expect(before).toEqual({ state: before.state, machine: before.state, provider: before.state });
  await home.ok(['extend', 'demo', '2h']);
  const after = await ends();
  expect(after.state - before.state).toBeGreaterThanOrEqual(7_200);
  expect(after.state - before.state).toBeLessThanOrEqual(7_201);
  expect(after).toEqual({ state: after.state, machine: after.state, provider: after.state });
  expect((await home.spuff(['extend', 'demo', '1d'])).exitCode).toBe(2);
  expect(await ends()).toEqual(after);
});
