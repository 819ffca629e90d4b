import type { Provider } from '../../domain/provider.ts';
import { createAccess } from './access.ts';
import { createCatalog } from './catalog.ts';
import { createHetznerClient, type HetznerDeps } from './client.ts';
import { listLagSeconds } from './create-machine.ts';
import { createFirewallStore } from './firewall.ts';
import { createKeyRegistry } from './key-registry.ts';
import { createLeftovers } from './leftovers.ts';
import { createMachines } from './machines.ts';
import { maxUserDataBytes, plan } from './server-request.ts';
import { createSnapshotStore } from './snapshots.ts';

const defaultRegion = 'nbg1';

/**
 * Servers of Hetzner Cloud, in the project that the token belongs to. They are billed by the hour until they are deleted,
 * also while they are off.
 * @see https://docs.hetzner.cloud/reference/cloud
 */
export function createHetznerProvider(deps: HetznerDeps): Provider {
  const client = createHetznerClient(deps);
  return {
    id: 'hetzner',
    caps: {
      nativeTtl: false,
      guestPoweroff: 'nothing',
      idempotentCreate: 'unique-name',
      labelsAtomicWithCreate: true,
      clock: 'its-own',
      listLagSeconds,
      maxUserDataBytes,
      userDataReadableInGuest: true,
      billing: { granularity: 'hour', minSeconds: 3_600, minCharge: null },
      firewall: 'at-create',
      snapshots: true,
      // The API has them; nothing of spuff makes one.
      volumes: false,
      spot: false,
      prices: 'api',
      rateLimit: { perHour: 3_600 },
    },
    defaults: { region: defaultRegion, size: 'cpx22', image: { kind: 'slug', slug: 'debian-12' } },
    plan,
    ...createAccess(client),
    ...createCatalog(client, defaultRegion),
    ...createMachines(client),
    ...createLeftovers(client),
    snapshots: createSnapshotStore(client),
    firewall: createFirewallStore(client),
    loginKeys: createKeyRegistry(client),
  };
}
