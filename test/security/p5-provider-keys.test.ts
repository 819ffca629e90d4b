/** P5 at a provider that keeps login keys in the account. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openProvider } from '../machine/lab.ts';
import { realMachines } from '../simulators/machine-backing.ts';
import { type CloudScene, openCloudScene } from './clouds.ts';

let scene: CloudScene;
beforeAll(async () => {
  scene = await openCloudScene('hetzner', realMachines(openProvider()));
});
afterAll(() => scene.close());

it('puts the new key in the place of the old one, which is not left registered', async () => {
  await scene.spuff(['key', 'new', '--no-passphrase']);
  expect(await scene.spuff(['up', 'demo', '--no-connect'])).toMatchObject({ exitCode: 0 });
  const { loginKeys } = scene.harness.provider;
  const registered = () => loginKeys?.list(scene.harness.within(60_000));
  const lineOf = async () => {
    const { keys } = JSON.parse((await scene.spuff(['key', 'list', '--json'])).stdout);
    expect(keys).toMatchObject([{ providers: ['hetzner'], providersNotAsked: [], instances: ['demo'] }]);
    return readFileSync(keys[0].publicPath, 'utf8').split(' ').slice(0, 2).join(' ');
  };
  const before = await lineOf();
  expect(await registered()).toEqual([before]);
  expect(await scene.spuff(['key', 'rotate', '--no-passphrase'])).toMatchObject({ exitCode: 0 });
  const after = await lineOf();
  expect(after).not.toBe(before);
  expect(await registered()).toEqual([after]);
  expect(await scene.spuff(['exec', 'demo', '--', 'true'])).toMatchObject({ exitCode: 0 });
  await scene.spuff(['down', 'demo']);
  expect(scene.harness.cloud.inventory()).toEqual({});
});
