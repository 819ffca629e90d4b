/** A simulated cloud with machines behind it, for the built `spuff`: in a test, or for a person (`npm run sim`). */
import type { CloudHarness } from '../contract/cloud-harness.ts';
import type { MachineBacking } from './machine-backing.ts';
import { createSimClock, type SimClock } from './sim-clock.ts';

export interface RunningSim {
  harness: CloudHarness;
  /** What lets spuff in: the address and a credential. */
  env: Readonly<Record<string, string>>;
}

const starters: Readonly<Record<string, (backing: MachineBacking, clock: SimClock) => Promise<RunningSim>>> =
  {
    digitalocean: async (backing, clock) => {
      const { makeHarness } = await import('./digitalocean/harness.ts');
      const harness = await makeHarness({ backing, clock });
      return { harness, env: { DIGITALOCEAN_API_URL: harness.address, DIGITALOCEAN_TOKEN: harness.token } };
    },
    hetzner: async (backing, clock) => {
      const { makeHetznerHarness } = await import('./hetzner/harness.ts');
      const { simToken } = await import('./hetzner/hetzner-cloud.ts');
      const harness = await makeHetznerHarness(backing, clock);
      return { harness, env: { HCLOUD_ENDPOINT: harness.baseUrl.href, HCLOUD_TOKEN: simToken } };
    },
    aws: async (backing, clock) => {
      const { makeHarness, testKey } = await import('./aws/harness.ts');
      const harness = await makeHarness(backing, clock);
      const env = {
        AWS_ENDPOINT_URL: harness.address,
        AWS_ACCESS_KEY_ID: testKey.accessKeyId,
        AWS_SECRET_ACCESS_KEY: testKey.secret,
      };
      return { harness, env };
    },
  };

export const simulatedClouds = Object.keys(starters);

/** @param speed of the cloud's time: at 1 it takes about as long as a real one */
export async function startSim(name: string, backing: MachineBacking, speed = 1): Promise<RunningSim> {
  const start = starters[name];
  if (start) return start(backing, createSimClock(speed));
  throw new Error(
    `there is no simulator of ${JSON.stringify(name)}; there are: ${simulatedClouds.join(', ')}`,
  );
}
