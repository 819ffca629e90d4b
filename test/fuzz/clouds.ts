/** The providers over a line on which anything may come back. */
import type { InstanceKey } from '../../src/domain/ids.ts';
import type { CallOptions, Provider, Runtime } from '../../src/domain/provider.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { Transport } from '../../src/lib/api-client.ts';
import type { HttpsAnswer, HttpsRequest } from '../../src/lib/https.ts';
import { createAwsProvider } from '../../src/providers/aws/aws-provider.ts';
import { createDigitalOceanProvider } from '../../src/providers/digitalocean/digitalocean-provider.ts';
import { createHetznerProvider } from '../../src/providers/hetzner/hetzner-provider.ts';
import { collect } from '../contract/collect.ts';
import { testKey } from '../simulators/aws/harness.ts';
import { simToken } from '../simulators/hetzner/hetzner-cloud.ts';

export type Cloud = 'hetzner' | 'digitalocean' | 'aws';

export function openCloud(
  cloud: Cloud,
  runtime: Runtime,
  transport: Transport,
  baseUrl: URL,
  token = 'a-token',
): Provider {
  switch (cloud) {
    case 'hetzner':
      return createHetznerProvider({ runtime, transport, baseUrl, token: async () => new Secret(simToken) });
    case 'digitalocean':
      return createDigitalOceanProvider({
        runtime,
        transport,
        baseUrl,
        token: async () => new Secret(token),
      });
    case 'aws': {
      const { accessKeyId, secret } = testKey;
      const credentials = async () => ({
        accessKeyId,
        secretAccessKey: new Secret(secret),
        sessionToken: null,
      });
      return createAwsProvider({
        runtime,
        transport,
        endpoint: () => baseUrl,
        credentials,
        regions: ['us-east-1'],
      });
    }
  }
}

/** With what it was an answer to: some are asked for at once, and come in any order. */
export interface CloudAnswer extends HttpsAnswer {
  asked: string;
}

/** AWS says in the body or in a header what is wanted, the others in the path, after their version or versions. */
export function nameRequest({ method, url, headers, body = '' }: HttpsRequest): string {
  return `${method} ${url.pathname.replace(/^(?:\/v\d)+/, '')} ${headers['x-amz-target'] ?? /(?<=^|&)Action=\w+/.exec(body)?.[0] ?? ''}`.trim();
}

interface Machine {
  id: string;
  key: InstanceKey;
}

type Operation = (provider: Provider, machine: Machine, options: CallOptions) => Promise<unknown>;

/** The same when it is played back, as the answers say it. */
const newExpiry = new Date(Date.UTC(2027, 0, 1));

/** What only reads, and what ends a machine; by name. */
export const operations: Readonly<Record<string, Operation>> = {
  access: (provider, _machine, options) => provider.checkAccess(options),
  catalog: (provider, _machine, options) => provider.catalog(options),
  list: (provider, _machine, options) => collect(provider.list(options)),
  find: (provider, { key }, options) => provider.find(key, options),
  get: (provider, { id }, options) => provider.get(id, options),
  wait: (provider, { id }, options) => provider.waitFor(id, 'running', options),
  off: async (provider, { id }, options) => provider.whyOff?.(id, options),
  end: async (provider, { id }, options) => provider.endOf?.(id, options),
  leftovers: (provider, { key }, options) => collect(provider.leftovers(key, options)),
  snapshots: async (provider, _machine, options) =>
    provider.snapshots && collect(provider.snapshots.list(options)),
  storage: async (provider, _machine, options) => provider.snapshots?.price?.(options),
  firewall: async (provider, { key }, options) => provider.firewall?.show(key, options),
  keys: async (provider, _machine, options) => provider.loginKeys?.list(options),
  price: async (provider, _machine, options) =>
    provider.prices?.onDemand(provider.defaults.size, provider.defaults.region, options),
  spot: async (provider, _machine, options) =>
    provider.prices?.spot(provider.defaults.size, provider.defaults.region, options),
  expiry: (provider, { id, key }, options) =>
    provider.setExpiry(id, newExpiry, { ...options, expectKey: key }),
  destroy: (provider, { id, key }, options) => provider.destroy(id, { ...options, expectKey: key }),
};
