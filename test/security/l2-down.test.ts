import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openProvider } from '../machine/lab.ts';
import { realMachines } from '../simulators/machine-backing.ts';
import { simulatedClouds } from '../simulators/start.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

// L2: `down` leaves nothing of the instance, its firewall and its registered key included.

describe.concurrent.each(simulatedClouds)('on %s', (name) => {
  let scene: CloudScene;
  beforeAll(async () => {
    scene = await openCloudScene(name, realMachines(openProvider()));
  });
  afterEach(async () => {
    await scene.spuff(['down', '--all', '--force']);
  });
  afterAll(() => scene.close());

  it('down leaves nothing, also with --force and after the machine was changed', async () => {
    expect(await scene.spuff(['up', 'demo', '--no-connect'])).toMatchObject({ exitCode: 0 });
    expect(Object.keys(scene.harness.cloud.inventory()).length).toBeGreaterThan(1);
    await scene.spuff(['firewall', 'allow', 'demo', '203.0.113.0/24']);
    expect(await scene.spuff(['down', 'demo', '--force'])).toMatchObject({ exitCode: 0 });
    expect(scene.harness.cloud.inventory()).toEqual({});
  });
});
