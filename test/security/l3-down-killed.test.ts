import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownerName } from '../../src/app/owner.ts';
import type { StateStore } from '../../src/domain/state.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { sampleInstance } from '../fakes/sample-instance.ts';
import type { SimRequest } from '../simulators/sim-server.ts';
import { simulatedClouds } from '../simulators/start.ts';
import { type CloudScene, myAddress, openCloudScene } from './clouds.ts';

// L3: `down` is killed with SIGKILL at each request that it makes, before the cloud has acted on it, and at each that changes
// something after it has. What is still there then is in the list, and a second `down` leaves nothing of it.

/** How many scenes share the requests, at each cloud: most of the time somebody waits for one. */
const scenesOf = { 'request-lost': 6, 'answer-lost': 1 } as const;
type Way = keyof typeof scenesOf;
const orderTimeoutMs = 10 * 60_000;

/** A machine with all that can belong to one, and the instance of it. */
async function plant({ harness, home }: CloudScene, provider: string): Promise<void> {
  const { makeSpec, within, provider: cloud } = harness;
  const firewall = { allowSshFrom: [`${myAddress}/32`] };
  const spec = makeSpec({ instanceName: 'demo', owner: ownerName(), firewall });
  const { id } = await cloud.create(spec, within(orderTimeoutMs));
  await cloud.waitFor(id, 'running', within(orderTimeoutMs));
  await harness.letPass(cloud.caps.listLagSeconds * 1_000);
  const { key, expiresAt, region, size } = spec;
  const instance = sampleInstance({ key, provider, vmId: id, expiresAt, region, size });
  inState(home, (state) => state.insertInstance(instance));
}

function inState<T>({ path }: CloudScene['home'], work: (state: StateStore) => T): T {
  const store = openStateStore({ path: join(path, 'state.db') });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

/** What changes nothing is the same whether it was heard or not. */
function isRead({ method, body }: SimRequest): boolean {
  return method === 'GET' || /^Action=(?:Describe|Get)/.test(body);
}

/** Runs `down` until it is killed at its nth request, of those that `kind` is about. Gives false when it has come to its end before. */
async function killAtRequest(scene: CloudScene, kind: Way, nth: number): Promise<boolean> {
  const { sim } = scene.harness;
  const child = scene.start(['down', 'demo', '--force']);
  let seen = 0;
  sim.fail({
    kind,
    times: Number.POSITIVE_INFINITY,
    match: (request) => {
      if (kind === 'answer-lost' && seen < nth && isRead(request)) return false;
      seen += 1;
      // The one that kills takes effect at the cloud or not, as `kind` says; nothing comes after it.
      if (seen === nth) child.kill('SIGKILL');
      return seen >= nth;
    },
  });
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await sim.idle();
  sim.healAll();
  expect(child.signalCode ?? child.exitCode).toBe(seen < nth ? 0 : 'SIGKILL');
  return seen >= nth;
}

/** Kills at the requests from the `first` on, as far as this scene has them. Gives how often. */
async function killAndFinish(scene: CloudScene, name: string, kind: Way, first: number): Promise<number> {
  const { cloud } = scene.harness;
  const left = () => ({
    ...cloud.inventory(),
    known: inState(scene.home, (state) => state.listInstances()),
  });
  let kills = 0;
  for (let nth = first; ; nth += scenesOf[kind]) {
    await plant(scene, name);
    expect(Object.keys(cloud.inventory()).length).toBeGreaterThan(1);
    if (!(await killAtRequest(scene, kind, nth))) break;
    kills += 1;
    const [shown, ...others] = JSON.parse((await scene.spuff(['ls', '--json'])).stdout).instances;
    expect({ nth, name: shown?.name, others }).toEqual({ nth, name: 'demo', others: [] });
    // Nothing of it is changed before it is marked, and what is marked names its remedy.
    if (shown.phase === 'destroying') expect(shown.remarks.join()).toContain('spuff down demo');
    else expect({ nth, machines: cloud.machineIds().length }).toEqual({ nth, machines: 1 });
    const again = await scene.spuff(['down', 'demo', '--force']);
    const { exitCode } = again;
    expect({ nth, exitCode, stderr: exitCode === 0 ? '' : again.stderr }).toEqual({
      ...{ nth, exitCode: 0, stderr: '' },
    });
    expect({ nth, ...left() }).toEqual({ nth, known: [] });
  }
  expect(left()).toEqual({ known: [] });
  // Each machine has one receipt, however often its end was begun.
  const receipts = inState(scene.home, (state) => state.listReceipts());
  expect(receipts.length).toBe(kills + 1);
  return kills;
}

describe.concurrent.each(simulatedClouds)('down on %s', (name) => {
  const killInScenes = (kind: Way) =>
    Promise.all(
      Array.from({ length: scenesOf[kind] }, async (_, at) => {
        const scene = await openCloudScene(name);
        try {
          return await killAndFinish(scene, name, kind, at + 1);
        } finally {
          await scene.close();
        }
      }),
    );

  it('killed at each request: the list shows it until a second down has left nothing', async () => {
    const [lost, unheard] = await Promise.all([killInScenes('request-lost'), killInScenes('answer-lost')]);
    const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
    expect(sum(lost)).toBeGreaterThan(sum(unheard));
    // The machine, and something of what belongs to it.
    expect(sum(unheard)).toBeGreaterThan(1);
  });
});
