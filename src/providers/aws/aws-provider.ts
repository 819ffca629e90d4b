import type { Provider, Runtime, VmSpec } from '../../domain/provider.ts';
import type { Transport } from '../../lib/api-client.ts';
import { createAccess } from './access.ts';
import { createCatalog } from './catalog.ts';
import { everywhere, readNetworks } from './cidr.ts';
import { createAwsClient } from './client.ts';
import { type AwsCredentials, rememberCredentials } from './credentials.ts';
import { type FindEndpoint, publicEndpoint } from './endpoints.ts';
import { createFirewallStore } from './firewall.ts';
import { groupParams, lagSeconds, permissionParams } from './groups.ts';
import { defaultImage, describeImage } from './images.ts';
import { tagsFor } from './labels.ts';
import { createLeftovers } from './leftovers.ts';
import { checkSpec, maxUserDataBytes, runParams } from './machine-request.ts';
import { createMachines } from './machines.ts';
import { createPriceStore } from './prices.ts';
import { watchRegions } from './regions.ts';
import { defaultSize } from './sizes.ts';
import { createSnapshotStore } from './snapshots.ts';

export interface AwsProviderDeps {
  runtime: Runtime;
  /** `readAwsCredentials` of credentials.ts. Asked again only when what it gave is about to end. */
  credentials: (signal: AbortSignal) => Promise<AwsCredentials>;
  /** Where the services are; AWS's own addresses when missing. */
  endpoint?: FindEndpoint;
  /**
   * Where machines are looked for: the configured region first, which is the default; then the others that are allowed, and
   * those that known machines are in. A machine in any other region would not be found.
   */
  regions: readonly [string, ...string[]];
  transport?: Transport;
}

/**
 * Machines of EC2 (the Query API, version 2016-11-15), each with a security group of its own. No key pair is registered:
 * EC2 needs none, and the keys that log in are in the user data.
 */
export function createAwsProvider(deps: AwsProviderDeps): Provider {
  const { runtime, credentials, endpoint = publicEndpoint, transport } = deps;
  const client = createAwsClient({
    runtime,
    endpoint,
    credentials: rememberCredentials(credentials, runtime),
    ...(transport && { transport }),
  });
  const aws = { client, regions: watchRegions(deps.regions) };
  return {
    id: 'aws',
    caps: {
      nativeTtl: false,
      guestPoweroff: 'deletes',
      idempotentCreate: 'token',
      labelsAtomicWithCreate: true,
      clock: 'its-own',
      listLagSeconds: lagSeconds,
      maxUserDataBytes,
      userDataReadableInGuest: true,
      billing: { granularity: 'second', minSeconds: 60, minCharge: null },
      firewall: 'at-create',
      snapshots: true,
      volumes: false,
      spot: true,
      prices: 'separate-api',
      rateLimit: { perSecond: 10 },
    },
    defaults: { region: aws.regions.home, size: defaultSize, image: defaultImage },
    plan,
    ...createAccess(aws),
    ...createCatalog(aws),
    ...createMachines(aws),
    ...createLeftovers(aws),
    snapshots: createSnapshotStore(aws),
    firewall: createFirewallStore(aws),
    prices: createPriceStore(client),
  };
}

/** What `create` sends; in brackets what AWS tells only when it is asked. */
function plan(spec: VmSpec): ReturnType<Provider['plan']> {
  checkSpec(spec, 'plan');
  const groupId = `(the id of ${spec.name})`;
  const allowed = readNetworks(spec.firewall?.allowSshFrom ?? everywhere, 'plan');
  const image = {
    id: describeImage(spec.image, spec.region),
    rootDevice: '(the root device of the image)',
    rootGiB: 0,
  };
  const closed = allowed.v4.length + allowed.v6.length === 0;
  const requests = [
    { action: 'CreateSecurityGroup', body: groupParams(spec.name, tagsFor('firewall', spec)) },
    ...(closed
      ? []
      : [{ action: 'AuthorizeSecurityGroupIngress', body: permissionParams(groupId, allowed) }]),
    { action: 'RunInstances', body: runParams(spec, image, groupId) },
  ];
  return {
    requests: requests.map(({ action, body }) => ({
      method: 'POST',
      path: `ec2.${spec.region}/?Action=${action}`,
      body: JSON.parse(JSON.stringify(body)) as unknown,
    })),
    hourly: null,
  };
}
