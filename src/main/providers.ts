/** The only place that knows which providers there are: one entry for each folder below `src/providers`. */
import { homedir } from 'node:os';
import type { AppContext } from '../app/context.ts';
import type { IncidentPages } from '../app/run-incident.ts';
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

/**
 * @see https://docs.digitalocean.com/reference/api/create-personal-access-token/
 * @see https://docs.hetzner.com/cloud/api/getting-started/generating-api-token/
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
 */
export const incidentPages: Readonly<Record<ProviderId, IncidentPages>> = {
  digitalocean: {
    tokens: 'https://cloud.digitalocean.com/account/api/tokens',
    resources: 'https://cloud.digitalocean.com/droplets',
    activity: 'https://cloud.digitalocean.com/account/security',
  },
  hetzner: {
    tokens: 'https://console.hetzner.com/projects, in your project under Security, API tokens',
    resources:
      'https://console.hetzner.com/projects, in your project under Servers, Firewalls and Security, SSH keys',
    activity: 'https://console.hetzner.com/projects, in your project under Activities',
  },
  aws: {
    tokens: 'https://console.aws.amazon.com/iam/home#/security_credentials',
    resources: 'https://console.aws.amazon.com/ec2/globalview/home',
    activity: 'https://console.aws.amazon.com/cloudtrailv2/home#/events',
  },
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
