import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openProvider } from '../machine/lab.ts';
import { realMachines } from '../simulators/machine-backing.ts';
import { simulatedClouds } from '../simulators/start.ts';
import { type CloudScene, myAddress, openCloudScene } from './clouds.ts';

// V3: where the provider has firewalls, port 22 is open to the user's own address alone, from the first moment on.

describe.concurrent.each(simulatedClouds)('on %s', (name) => {
  let scene: CloudScene;
  beforeAll(async () => {
    scene = await openCloudScene(name, realMachines(openProvider()));
  });
  afterEach(async () => {
    await scene.spuff(['down', '--all', '--force']);
  });
  afterAll(() => scene.close());

  const show = async () =>
    JSON.parse((await scene.spuff(['firewall', 'show', 'demo', '--json'])).stdout).allowSshFrom;

  it('a machine lets in the address that the user has, and another only on request', async () => {
    expect(await scene.spuff(['up', 'demo', '--no-connect'])).toMatchObject({ exitCode: 0 });
    expect(await show()).toEqual([`${myAddress}/32`]);
    // Before there was a machine to reach, there was its filter.
    const { requests } = scene.harness.sim;
    const order = requests.findIndex(scene.harness.isCreate);
    const filter = requests.findIndex(({ body }) => decodeURIComponent(body).includes(`${myAddress}/32`));
    expect(filter).toBeGreaterThanOrEqual(0);
    expect(filter).toBeLessThan(order);
    await scene.spuff(['firewall', 'allow', 'demo', '203.0.113.0/24']);
    expect(await show()).toEqual(expect.arrayContaining([`${myAddress}/32`, '203.0.113.0/24']));
    await scene.spuff(['firewall', 'close', 'demo']);
    expect(await show()).toEqual([]);
  });
});
