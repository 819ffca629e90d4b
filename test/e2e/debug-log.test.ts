import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CloudScene, openCloudScene } from '../security/clouds.ts';

let scene: CloudScene;
beforeAll(async () => {
  scene = await openCloudScene('digitalocean');
});
afterAll(() => scene.close());

it('the debug log tells each request to a provider, and nothing of the token', async () => {
  const path = join(scene.home.path, 'log', 'spuff.log');
  expect(existsSync(path)).toBe(false);
  const { stderr } = await scene.spuff(['regions', '--verbose']);
  expect(stderr).toMatch(/GET \/v2\/\S+: 200 \(\d+ ms\)/);
  const text = readFileSync(path, 'utf8');
  const [first = ''] = text.split('\n');
  expect(JSON.parse(first)).toMatchObject({
    event: 'request',
    text: expect.stringMatching(/^GET \/v2\/\S+: 200/),
  });
  expect(text).not.toContain(scene.env['DIGITALOCEAN_TOKEN']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('without --verbose they are in the log alone', async () => {
  const { stderr } = await scene.spuff(['providers']);
  expect(stderr).not.toContain('GET ');
});
