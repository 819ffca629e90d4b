import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSpuffHome, type SpuffHome } from '../e2e/spuff-process.ts';
import { pretendMachines } from '../simulators/machine-backing.ts';
import { type RunningSim, simulatedClouds, startSim } from '../simulators/start.ts';

// V8: the deadline of a machine stands at the provider, and outlives the computer that made it. `up` is killed as soon as its
// machine is ordered, its home is thrown away, and a spuff in an empty home elsewhere destroys the machine, and no sooner.

const ttlMs = 30_000;

describe.each(simulatedClouds)('a machine at %s whose maker is lost', (name) => {
  let sim: RunningSim;
  let maker: SpuffHome;

  beforeEach(async () => {
    sim = await startSim(name, pretendMachines());
    maker = makeSpuffHome();
    await maker.ok(['init', '--yes']);
    await maker.ok(['config', 'set', 'provider', name]);
    await maker.ok(['config', 'set', 'firewall', 'open']);
  });
  afterEach(async () => {
    await sim.harness.cloud.clear();
    await sim.harness.sim.stop();
  });

  /** By another computer, which has never heard of it. */
  async function reap(): Promise<string[]> {
    const home = makeSpuffHome();
    const { stdout } = await home.spuff(['reap', '--once', '--provider', name, '--json'], {
      env: { ...sim.env },
    });
    await home.remove();
    const { machines, failures } = JSON.parse(stdout) as {
      machines: { name: string; outcome: string }[];
      failures: unknown[];
    };
    expect(failures).toEqual([]);
    return machines.map(({ name: of, outcome }) => `${of}: ${outcome}`);
  }

  it('is destroyed at its deadline with all that belongs to it, and not before', async () => {
    const { cloud, sim: line } = sim.harness;
    const child = maker.start(['up', 'demo', '--no-connect', '--ttl', `${ttlMs / 1_000}s`], { ...sim.env });
    child.stdout?.resume();
    child.stderr?.resume();
    while (cloud.machineIds().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const orderedAtMs = Date.now();
    child.kill('SIGKILL');
    await once(child, 'close');
    await line.idle();
    // Not by its own `down`, which would remove the machine: the disk of that computer is gone.

    rmSync(maker.path, { recursive: true, force: true });

    expect((await reap()).every((told) => told === 'demo: kept')).toBe(true);
    expect(cloud.machineIds()).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, orderedAtMs + ttlMs + 1_000 - Date.now()));
    expect(await reap()).toEqual(['demo: destroyed']);
    const { key: _login, ...rest } = cloud.inventory();
    expect(rest).toEqual({});
  });
});
