import { afterAll, expect } from 'vitest';
import { type HetznerHarness, makeHarness, makeHetznerHarness } from '../simulators/hetzner/harness.ts';
import { describeCloudConformance } from './cloud-conformance.ts';
import { describeProviderConformance } from './provider-conformance.ts';

let harness: HetznerHarness | undefined;

describeProviderConformance('hetzner, on a simulator', async () => {
  harness = await makeHetznerHarness();
  return harness;
});

afterAll(async () => {
  // Every request and every answer was held to the official description.
  expect(harness?.sim.descriptionFaults).toEqual([]);
  expect(harness?.sim.requests.length).toBeGreaterThan(100);
  await harness?.sim.stop();
});

describeCloudConformance('hetzner, on a simulator', makeHarness);
