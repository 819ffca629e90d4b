import { afterAll, expect } from 'vitest';
import { type DigitalOceanHarness, makeHarness } from '../simulators/digitalocean/harness.ts';
import { describeCloudConformance } from './cloud-conformance.ts';
import { describeProviderConformance } from './provider-conformance.ts';

const loginKey =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2K7d1vJtPq2eGm6tQmM5oWb0rY7xGmV0dTq8z1bN5R somebody@somewhere';

let open: DigitalOceanHarness | undefined;
afterAll(async () => {
  expect(open?.sim.requests.length).toBeGreaterThan(0);
  expect(open?.sim.descriptionFaults).toEqual([]);
  await open?.sim.stop();
});

describeProviderConformance('digitalocean, on its simulator', async () => {
  open = await makeHarness();
  return open;
});

describeCloudConformance('digitalocean', () => makeHarness({ sshPublicKeys: [loginKey] }));
