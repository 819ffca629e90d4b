import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulatedClouds } from '../simulators/start.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

// P4: a region outside the allowed ones is refused before anything is asked of the provider.

describe.each(simulatedClouds)('%s', (name) => {
  let scene: CloudScene;
  beforeAll(async () => {
    scene = await openCloudScene(name);
  });
  afterAll(() => scene.close());

  const rule = () => scene.harness.makeSpec().region;
  const heard = () => scene.harness.sim.requests.length;

  it('hears nothing of a region that is not allowed, however it is asked for', async () => {
    await scene.home.ok(['config', 'set', 'allowed_regions', rule()]);
    for (const wish of [
      ['--region', 'eu-north-1'],
      ['--region', `${rule()},eu-north-1`],
    ]) {
      const { exitCode, stderr } = await scene.spuff(['up', 'x', '--no-connect', ...wish]);
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 3,
        stderr: expect.stringContaining('eu-north-1 is not among'),
      });
    }
    await scene.home.ok(['config', 'set', 'region', 'eu-north-1']);
    expect(await scene.spuff(['up', 'x', '--no-connect'])).toMatchObject({ exitCode: 3 });
    await scene.home.ok(['config', 'unset', 'region']);
    expect(heard()).toBe(0);
  });

  it('would have heard: of an allowed one it does', async () => {
    const { stdout } = await scene.spuff(['up', 'x', '--dry-run', '--region', rule(), '--json']);
    expect(JSON.parse(stdout).plans).toMatchObject([{ region: rule() }]);
    expect(heard()).toBeGreaterThan(0);
  });
});
