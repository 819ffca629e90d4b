import { randomBytes } from 'node:crypto';
import { makeInstanceKey } from '../../../src/domain/ids.ts';
import type { Provider, Runtime, VmSpec } from '../../../src/domain/provider.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createAwsProvider } from '../../../src/providers/aws/aws-provider.ts';
import type { CloudHarness, SimulatedCloud } from '../../contract/cloud-harness.ts';
import { type MachineBacking, pretendMachines } from '../machine-backing.ts';
import { createSimClock, type SimClock } from '../sim-clock.ts';
import type { SimRequest } from '../sim-server.ts';
import { type AwsSimulator, createAwsSimulator } from './aws-cloud.ts';
import { CloudState, type Instance, makeId, type Tags, type Thing } from './cloud-state.ts';
import { keepOrder, startInstances, stopInstances } from './instances.ts';

export const testKey = { accessKeyId: 'AKIASIMULATED0000001', secret: 'a-secret/that+only.the-tests=know' };
const regions = ['us-east-1', 'eu-central-1'] as const;

export interface AwsHarness extends CloudHarness {
  address: string;
  clock: SimClock;
  aws: AwsSimulator;
  makeProvider(
    secret?: string,
    regions?: readonly [string, ...string[]],
    runtime?: Runtime,
  ): ReturnType<typeof createAwsProvider>;
  plantThing(kind: Thing['kind'], tags: Tags): string;
}

export async function makeHarness(
  backing: MachineBacking = pretendMachines(),
  clock: SimClock = createSimClock(),
): Promise<AwsHarness> {
  const state = new CloudState(clock, backing);
  const aws = createAwsSimulator(state);
  aws.keys.set(testKey.accessKeyId, { secret: testKey.secret, sessionToken: null });
  const address = await aws.server.start();
  const makeProvider: AwsHarness['makeProvider'] = (secret = testKey.secret, of = regions, runtime = clock) =>
    createAwsProvider({
      runtime,
      regions: of,
      endpoint: () => new URL(address),
      credentials: async () => ({
        ...{ accessKeyId: testKey.accessKeyId, secretAccessKey: new Secret(secret), sessionToken: null },
      }),
    });
  return {
    ...{ address, clock, aws, makeProvider, sim: aws.server, cloud: simulatedCloud(state) },
    provider: makeProvider(),
    scopes: ['ec2:RunInstances', 'ec2:TerminateInstances', 'ec2:DescribeSecurityGroups'],
    sleeps: () => clock.sleeps,
    isCreate: (request: SimRequest) => /(?:^|&)Action=RunInstances(?:&|$)/.test(request.body),
    openWithWrongToken: () => makeProvider('wrong-token-wrong-token-wrong-token-1234'),
    reopen: (runtime): Provider => makeProvider(testKey.secret, regions, runtime),
    makeSpec: (change) => makeSpec(clock, change),
    within: (timeoutMs, change) => ({
      ...{ signal: new AbortController().signal, deadline: new Date(clock.now() + timeoutMs) },
      ...change,
    }),
    machineTimeoutMs: 600_000,
    letPass: async (ms) => clock.advance(ms),
    powerOff: async (vm) => {
      const machine = state.instances.get(vm.id.replace(/^.*\//, ''));
      if (machine?.backing) await backing.powerOff(machine.backing.id);
    },
    stopFromOutside: async (vm) => {
      const id = vm.id.replace(/^.*\//, '');
      await stopInstances(state, { InstanceId: { 1: id } }, vm.region);
    },
    startAgain: async (vm) => {
      const id = vm.id.replace(/^.*\//, '');
      await startInstances(state, { InstanceId: { 1: id } }, vm.region);
    },
    plantThing: (kind, tags) => plantThing(state, kind, tags),
    cleanUp: () => backing.removeAll(),
  };
}

function makeSpec(clock: SimClock, change: Partial<VmSpec> = {}): VmSpec {
  const key = change.key ?? makeInstanceKey(clock.now(), randomBytes(10));
  return {
    ...{ key, name: `spuff-${key}`, instanceName: 'test', region: regions[0], size: 't3.small' },
    ...{ image: { kind: 'slug', slug: 'debian-12' }, sshPublicKeys: [], userData: '#cloud-config\n{}\n' },
    owner: 'spuff-test',
    expiresAt: new Date(Math.ceil(clock.now() / 1_000) * 1_000 + 3_600_000),
    ...change,
  };
}

/** The settings themselves, and what the tests do with the rest. */
function simulatedCloud(state: CloudState): SimulatedCloud {
  return Object.assign(state.settings, {
    machineIds: () =>
      [...state.instances.values()]
        .filter((one) => state.lives(one))
        .map(({ region, id }) => `${region}/${id}`),
    plantForeign: async (name: string) => plantInstance(state, { Name: name }),
    async plantOurs(count: number) {
      for (let at = 0; at < count; at++) {
        const key = makeInstanceKey(state.now(), randomBytes(10));
        plantInstance(state, { spuff: 'machine', 'spuff-key': key, Name: `spuff-${key}` });
      }
    },
    inventory: () => inventoryOf(state),
    async clear() {
      await state.backing.removeAll();
      for (const all of [state.instances, state.groups, state.images, state.things]) all.clear();
    },
  });
}

export function plantInstance(state: CloudState, tags: Tags): string {
  const now = state.now();
  const [region] = regions;
  const instance: Instance = {
    ...{ id: makeId('i'), region, type: 't3.micro', imageId: makeId('ami'), arch: 'x86_64' },
    ...{ zone: `${region}a`, zoneNamed: false },
    ...{ rootDevice: '/dev/xvda', reservationId: makeId('r'), clientToken: makeId('token'), order: '', tags },
    ...{ groupIds: [], userData: '', volumeId: makeId('vol'), nicId: makeId('eni'), spot: false },
    ...{ shutdownTerminates: false, protectedFromEnd: false },
    metadata: { httpTokens: 'optional', hopLimit: '1', httpEndpoint: 'enabled' },
    ...{ createdMs: now - 60_000, shownMs: now, doomed: false, endingMs: null, stoppedMs: null },
    ...{ backing: null, reason: null },
  };
  keepOrder(state, instance, {});
  return `${region}/${instance.id}`;
}

function plantThing(state: CloudState, kind: Thing['kind'], tags: Tags): string {
  const prefix = { volume: 'vol', nic: 'eni', address: 'eipalloc', snapshot: 'snap' }[kind];
  const [region] = regions;
  const id = makeId(prefix);
  state.things.set(id, { kind, id, region, tags, gib: 10, instanceId: null, createdMs: state.now() });
  return `${region}/${id}`;
}

/** Disks and interfaces of a machine that lives are its own; what is left without one counts. */
function inventoryOf(state: CloudState): Record<string, string[]> {
  const kinds: Record<string, string[]> = {
    machine: [...state.instances.values()].filter((one) => state.lives(one)).map(({ id }) => id),
    group: [...state.groups.keys()],
    image: [...state.images.keys()],
  };
  for (const thing of state.things.values()) {
    const machine = thing.instanceId === null ? undefined : state.instances.get(thing.instanceId);
    if (!machine || state.lives(machine)) kinds[thing.kind] = [...(kinds[thing.kind] ?? []), thing.id];
  }
  return Object.fromEntries(Object.entries(kinds).filter(([, ids]) => ids.length > 0));
}
