import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pretendMachines } from '../simulators/machine-backing.ts';
import { type RunningSim, startSim } from '../simulators/start.ts';
import { until } from './agent-machine.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let sim: RunningSim;
let homes: SpuffHome[];
beforeEach(async () => {
  sim = await startSim('hetzner', pretendMachines());
  homes = [makeSpuffHome(), makeSpuffHome()];
});
afterEach(async () => {
  await sim.harness.sim.stop();
  for (const home of homes) await home.remove();
});

/** A reaper that runs on, in a home of its own; gives where it listens. */
async function start(home: SpuffHome) {
  const argv = ['reaper', 'run', '--provider', 'hetzner', '--every', '1s', '--listen', '127.0.0.1:0'];
  const child = home.start(argv, { ...sim.env });
  child.stdout?.resume();
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    const [, address] = /listening at (\S+)/.exec(line) ?? [];
    if (address !== undefined) return { child, address };
  }
  throw new Error('it does not listen');
}

it('two of them reap one account, say how they are, and end within a second', async () => {
  const { provider, makeSpec, within, cloud, letPass } = sim.harness;
  const running = await Promise.all(homes.map(start));
  for (let nth = 0; nth < 4; nth++)
    await provider.create(makeSpec({ expiresAt: new Date(Date.now() + 20_000) }), within(60_000));
  await letPass(30_000);
  await until(async () => cloud.machineIds().length === 0);
  const metrics = await Promise.all(
    running.map(async ({ address }) => {
      expect((await fetch(`${address}/healthz`)).status).toBe(200);
      return (await fetch(`${address}/metrics`)).text();
    }),
  );
  expect(metrics.every((text) => !text.includes('spuff_reaper_failures_total{'))).toBe(true);
  for (const { child } of running) {
    const startedMs = performance.now();
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(code).toBe(0);
  }
});
