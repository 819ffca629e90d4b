import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatedClouds } from '../simulators/start.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

// L3: `up` is killed with SIGKILL at each request that it makes until its machine is ordered, before the cloud has acted on it
// and after. Whatever is there then is in the list, and `down` leaves nothing. (Kills at each step after that: up-killed.)

const ways = ['request-lost', 'answer-lost'] as const;

/** Runs `up` until it is killed at its nth request. Gives false when it has ordered its machine before. */
async function killAtRequest(scene: CloudScene, kind: (typeof ways)[number], nth: number): Promise<boolean> {
  const { sim, isCreate } = scene.harness;
  const child = scene.start(['up', 'demo', '--no-connect']);
  let seen = 0;
  let ordered = false;
  sim.fail({
    kind,
    times: Number.POSITIVE_INFINITY,
    match: (request) => {
      seen += 1;
      if (seen < nth) ordered ||= isCreate(request);
      // The one that kills takes effect at the cloud or not, as `kind` says; nothing comes after it.
      if (seen === nth) child.kill('SIGKILL');
      return seen >= nth;
    },
  });
  if (child.exitCode === null && child.signalCode === null) {
    const giveUp = setInterval(() => ordered && seen < nth && child.kill('SIGKILL'), 50);
    await once(child, 'exit');
    clearInterval(giveUp);
  }
  await sim.idle();
  sim.healAll();
  expect(child.signalCode).toBe('SIGKILL');
  return !ordered;
}

const cases = simulatedClouds.flatMap((name) => ways.map((kind) => [name, kind] as const));

// All at once: most of the time somebody waits for a cloud.
describe.concurrent.each(cases)('up on %s, killed with the %s', (name, kind) => {
  let scene: CloudScene;
  beforeAll(async () => {
    scene = await openCloudScene(name);
  });
  afterAll(() => scene.close());

  it('at each request: what there is, is in the list, and down leaves nothing', async () => {
    const { cloud } = scene.harness;
    let kills = 0;
    for (let nth = 1; await killAtRequest(scene, kind, nth); nth++) {
      kills += 1;
      const { instances } = JSON.parse((await scene.spuff(['ls', '--json'])).stdout);
      const machines = cloud.machineIds().length;
      expect({ nth, machines: machines <= 1, known: machines === 0 || instances.length === 1 }).toEqual({
        ...{ nth, machines: true, known: true },
      });
      if (instances.length === 1) expect(instances[0].remarks.join()).toContain('spuff down demo');
      const down = await scene.spuff(['down', '--all', '--force']);
      expect({ nth, exitCode: down.exitCode, stderr: down.exitCode === 0 ? '' : down.stderr }).toEqual({
        nth,
        exitCode: 0,
        stderr: '',
      });
      expect({ nth, left: cloud.inventory() }).toEqual({ nth, left: {} });
    }
    expect(kills).toBeGreaterThan(2);
    await scene.spuff(['down', '--all', '--force']);
    expect(cloud.inventory()).toEqual({});
  });
});
