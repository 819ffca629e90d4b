import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ownerName } from '../../src/app/owner.ts';
import type { VmSpec } from '../../src/domain/provider.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { sampleInstance } from '../fakes/sample-instance.ts';
import { pretendMachines } from '../simulators/machine-backing.ts';
import { type RunningSim, startSim } from '../simulators/start.ts';
import { until } from './agent-machine.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

let sim: RunningSim;
let home: SpuffHome;

beforeEach(async () => {
  sim = await startSim('hetzner', pretendMachines());
  home = makeSpuffHome({ ...sim.env, SPUFF_BACKGROUND: '', CI: '' });
  await home.ok(['init', '--yes']);
  await home.ok(['config', 'set', 'provider', 'hetzner']);
});
afterEach(async () => {
  await home.spuff(['down', '--all', '--force'], { env: { SPUFF_BACKGROUND: 'off' } });
  await sim.harness.sim.stop();
  await home.remove();
});

/** An instance of the state, and its machine at the cloud. */
async function plant(instanceName: string, leaseMs: number): Promise<VmSpec> {
  const { provider, makeSpec, within } = sim.harness;
  const expiresAt = new Date(Date.now() + leaseMs);
  const spec = makeSpec({ instanceName, owner: ownerName(), expiresAt });
  const vm = await provider.create(spec, within(60_000));
  const store = openStateStore({ path: join(home.path, 'state.db') });
  const of = { name: instanceName, key: spec.key, vmId: vm.id, expiresAt, createdAt: vm.createdAt };
  store.insertInstance(sampleInstance({ ...of, provider: 'hetzner' }));
  store.close();
  return spec;
}

/** Looks at all of spuff's machines: nothing else asks so. */
const lists = () =>
  sim.harness.sim.requests.filter(({ query }) => query.get('label_selector') === 'spuff.kind=machine').length;
const settled = () => new Promise((resolve) => setTimeout(resolve, 1_500));

it('any command starts one, which destroys what is due, with the token of the environment', async () => {
  await plant('over', 3_000);
  await sim.harness.letPass(10_000);
  expect((await home.ok(['ls'])).stdout).toContain('over');
  await until(async () => sim.harness.cloud.machineIds().length === 0);
  const log = join(home.path, 'log', 'reap.log');
  await until(async () => readFileSync(log, 'utf8').includes('its lease is over'));
  expect(statSync(log).mode & 0o777).toBe(0o600);
  expect(readFileSync(log, 'utf8')).not.toContain(sim.env['HCLOUD_TOKEN']);
  await until(async () => !(await home.ok(['ls'])).stdout.includes('over'));
});

it('commands start no more than one a minute', async () => {
  await plant('leased', 3_600_000);
  await Promise.all([1, 2, 3, 4].map(() => home.ok(['ls'])));
  await settled();
  for (let nth = 0; nth < 3; nth++) await home.ok(['ls']);
  await settled();
  expect(lists()).toBeLessThanOrEqual(1);
  expect(existsSync(join(home.path, 'log', 'reap.log'))).toBe(true);
});

it.each<[string, readonly string[], Record<string, string>]>([
  ['the settings say so', ['ls'], {}],
  ['it is a job of CI', ['ls'], { CI: 'true' }],
  ['the shell says so', ['ls'], { SPUFF_BACKGROUND: 'off' }],
  ['the command is a quick one', ['version'], {}],
  ['it is the settings that are looked at', ['config', 'show'], {}],
])('none is started where %s', async (why, args, env) => {
  await plant('leased', 3_600_000);
  if (why === 'the settings say so') await home.ok(['config', 'set', 'reap_in_background', 'off']);
  await home.spuff(args, { env });
  await settled();
  expect(lists()).toBe(0);
});

it('none is started where there is no instance', async () => {
  await home.ok(['ls']);
  await settled();
  expect(lists()).toBe(0);
});
