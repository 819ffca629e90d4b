/** The only place that knows which providers there are: one entry for each folder below `src/providers`. */
import { homedir } from 'node:os';
import type { AppContext } from '../app/context.ts';
import type { Provider, ProviderId } from '../domain/provider.ts';
import { openCloud } from './clouds.ts';
import { findEngineSocket } from './engine-socket.ts';

type ProviderBuilder = (context: AppContext) => Promise<Provider>;

/** Where the credential of each provider may be, in the order of preference. */
export const credentialVariables: Readonly<Record<ProviderId, readonly [string, ...string[]]>> = {
  digitalocean: ['DIGITALOCEAN_TOKEN'],
  hetzner: ['HCLOUD_TOKEN', 'HETZNER_TOKEN'],
  aws: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
};

export const providers: Readonly<Record<ProviderId, ProviderBuilder>> = {
  local: async (context) => {
    const { createLocalProvider } = await import('../providers/local/local-provider.ts');
    const { baseImageFiles } = await import('./base-image-files.ts');
    const { home, runtime } = context;
    return createLocalProvider({
      runtime,
      home,
      engineSocket: await findEngineSocket(context),
      env: process.env,
      userHome: homedir(),
      extraFiles: baseImageFiles({ dist: import.meta.dirname, home }),
    });
  },
  digitalocean: async (context) => {
    const { createDigitalOceanProvider } = await import('../providers/digitalocean/digitalocean-provider.ts');
    const entry = {
      id: 'digitalocean',
      variables: credentialVariables['digitalocean'] ?? [],
      makeItAt: 'https://cloud.digitalocean.com/account/api/tokens',
      url: 'https://api.digitalocean.com',
      urlVariable: 'DIGITALOCEAN_API_URL',
    };
    return openCloud(context, entry, createDigitalOceanProvider);
  },
  hetzner: async (context) => {
    const { createHetznerProvider } = await import('../providers/hetzner/hetzner-provider.ts');
    const entry = {
      id: 'hetzner',
      variables: credentialVariables['hetzner'] ?? [],
      makeItAt: 'https://console.hetzner.cloud, in your project under Security, API tokens',
      url: 'https://api.hetzner.cloud/v1',
      urlVariable: 'HCLOUD_ENDPOINT',
    };
    return openCloud(context, entry, createHetznerProvider);
  },
  aws: async (context) => {
    const { openAws } = await import('./aws.ts');
    return openAws(context);
  },
};
