/**
 * The simulator as DigitalOcean's own client sees it: what it takes for an answer of the real API is as good as one. Needs
 * `golang-go` and `golang-github-digitalocean-godo-dev`, which the test command installs.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProcess } from '../../src/lib/process.ts';
import { buildGo, type GoProgram } from '../simulators/build-go.ts';
import { type DigitalOceanHarness, makeHarness } from '../simulators/digitalocean/harness.ts';

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2K7d1vJtPq2eGm6tQmM5oWb0rY7xGmV0dTq8z1bN5R godo';

let program: GoProgram;
let harness: DigitalOceanHarness;

beforeAll(async () => {
  program = await buildGo('digitalocean/godo-lifecycle');
  harness = await makeHarness({ msPerRequest: 1_000 });
}, 300_000);

afterAll(async () => {
  await harness.cleanUp();
  await harness.sim.stop();
  program.remove();
});

test('the official client leads three droplets through their life, and leaves nothing', async () => {
  const { address, token, cloud, sim } = harness;
  const { stdout, stderr, exitCode } = await runProcess([program.path, address, publicKey], {
    timeoutMs: 150_000,
    env: { DIGITALOCEAN_TOKEN: token },
  });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(stdout.trim().split('\n')).toEqual([
    ...['account', 'catalogue', 'key', 'droplets', 'pages', 'firewall', 'firewall gone', 'snapshot'],
    ...['droplets gone', 'all gone'],
  ]);
  expect(cloud.inventory()).toEqual({});
  expect(cloud.keys.all()).toEqual([]);
  expect(sim.descriptionFaults).toEqual([]);
  expect(sim.requests.filter(({ method }) => method === 'DELETE').length).toBeGreaterThanOrEqual(6);
});

test('the official client is told the same of a token that is not known', async () => {
  const { address } = harness;
  const { stderr, exitCode } = await runProcess([program.path, address, publicKey], {
    timeoutMs: 60_000,
    env: { DIGITALOCEAN_TOKEN: 'none' },
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('401');
  expect(stderr).toContain('Unable to authenticate you');
});
