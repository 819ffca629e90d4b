/** A simulated cloud with machines behind it, for the built `spuff`: in a test, or for a person (`npm run sim`). */
import type { CloudHarness } from '../contract/cloud-harness.ts';
import type { MachineBacking } from './machine-backing.ts';

export interface RunningSim {
  harness: CloudHarness;
  /** What lets spuff in: the address and a credential. */
  env: Readonly<Record<string, string>>;
}

const starters: Readonly<Record<string, (backing: MachineBacking) => Promise<RunningSim>>> = {
  digitalocean: async (backing) => {
    const { makeHarness } = await import('./digitalocean/harness.ts');
    const harness = await makeHarness({ backing });
    return { harness, env: { DIGITALOCEAN_API_URL: harness.address, DIGITALOCEAN_TOKEN: harness.token } };
  },
  hetzner: async (backing) => {
    const { makeHetznerHarness } = await import('./hetzner/harness.ts');
    const { simToken } = await import('./hetzner/hetzner-cloud.ts');
    const harness = await makeHetznerHarness(backing);
    return { harness, env: { HCLOUD_ENDPOINT: harness.baseUrl.href, HCLOUD_TOKEN: simToken } };
  },
  aws: async (backing) => {
    const { makeHarness, testKey } = await import('./aws/harness.ts');
    const harness = await makeHarness(backing);
    const env = {
      AWS_ENDPOINT_URL: harness.address,
      AWS_ACCESS_KEY_ID: testKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: testKey.secret,
    };
    return { harness, env };
  },
};

export const simulatedClouds = Object.keys(starters);

export async function startSim(name: string, backing: MachineBacking): Promise<RunningSim> {
  const start = starters[name];
  if (start) return start(backing);
  throw new Error(
    `there is no simulator of ${JSON.stringify(name)}; there are: ${simulatedClouds.join(', ')}`,
  );
}
