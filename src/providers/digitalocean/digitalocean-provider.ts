import type { Provider } from '../../domain/provider.ts';
import { createAccess } from './access.ts';
import { createApi, type DigitalOceanDeps, rateLimit } from './api.ts';
import { createCatalog } from './catalog.ts';
import { providerId } from './failure.ts';
import { createFirewallStore } from './firewall.ts';
import { createKeyRegistry } from './key-registry.ts';
import { createLeftovers } from './leftovers.ts';
import { createOrderBook } from './machine-create.ts';
import { listLagSeconds } from './machine-lookup.ts';
import { checkSpec, createRequests, maxUserDataBytes } from './machine-request.ts';
import { createMachines } from './machines.ts';
import { createSnapshotStore } from './snapshots.ts';

/**
 * Droplets of DigitalOcean.
 * @see https://docs.digitalocean.com/reference/api/
 */
export function createDigitalOceanProvider(deps: DigitalOceanDeps): Provider {
  const api = createApi(deps);
  return {
    id: providerId,
    caps: {
      nativeTtl: false,
      guestPoweroff: 'nothing',
      // Names are not unique: what stands in for it is in machine-create.ts.
      idempotentCreate: 'none',
      labelsAtomicWithCreate: false,
      clock: 'its-own',
      listLagSeconds,
      maxUserDataBytes,
      userDataReadableInGuest: true,
      // https://docs.digitalocean.com/products/droplets/details/pricing/
      billing: {
        granularity: 'second',
        minSeconds: 60,
        minCharge: { amount: '0.01', currency: 'USD', basis: 'net' },
      },
      firewall: 'by-label',
      snapshots: true,
      volumes: false,
      spot: false,
      prices: 'api',
      rateLimit,
    },
    defaults: { region: 'nyc3', size: 's-2vcpu-4gb', image: { kind: 'slug', slug: 'debian-12' } },
    plan(spec) {
      checkSpec(spec, 'plan');
      // Prices are the API's to tell.
      return { requests: createRequests(spec, 'plan'), hourly: null };
    },
    ...createAccess(api),
    ...createCatalog(api),
    ...createMachines(api, createOrderBook()),
    ...createLeftovers(api),
    snapshots: createSnapshotStore(api),
    firewall: createFirewallStore(api),
    loginKeys: createKeyRegistry(api),
  };
}
