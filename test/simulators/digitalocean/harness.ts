import { randomBytes } from 'node:crypto';
import type { Provider, Runtime, VmSpec } from '../../../src/domain/provider.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createDigitalOceanProvider } from '../../../src/providers/digitalocean/digitalocean-provider.ts';
import type { CloudHarness } from '../../contract/cloud-harness.ts';
import { makeSpec } from '../../machine/lab.ts';
import { type MachineBacking, pretendMachines } from '../machine-backing.ts';
import { loadDescription } from '../openapi.ts';
import { createSimClock, type SimClock } from '../sim-clock.ts';
import { type SimRequest, SimServer } from '../sim-server.ts';
import { DigitalOceanCloud, undeclared } from './digitalocean-cloud.ts';

export interface DigitalOceanHarness extends CloudHarness {
  cloud: DigitalOceanCloud;
  clock: SimClock;
  /** Where the simulator listens, and what it lets in. */
  address: string;
  token: string;
}

interface HarnessOptions {
  backing?: MachineBacking;
  clock?: SimClock;
  /** Of the specs that it makes; none when missing. */
  sshPublicKeys?: readonly string[];
  /** How much of the cloud's time a request takes: for clients that have no clock of ours to sleep on. */
  msPerRequest?: number;
}

export async function makeHarness(options: HarnessOptions = {}): Promise<DigitalOceanHarness> {
  const {
    backing = pretendMachines(),
    clock = createSimClock(),
    sshPublicKeys = [],
    msPerRequest = 0,
  } = options;
  const token = `dop_v1_${randomBytes(32).toString('hex')}`;
  const cloud = new DigitalOceanCloud({ clock, backing, token });
  const description = loadDescription('digitalocean.openapi.yaml');
  const handle = (request: SimRequest) => {
    clock.advance(msPerRequest);
    return cloud.handle(request);
  };
  const sim = new SimServer({ handle, description, undeclared, now: clock.now });
  const address = await sim.start();
  const open = (value: string, runtime: Runtime = clock): Provider =>
    createDigitalOceanProvider({
      runtime,
      baseUrl: new URL(address),
      token: async () => new Secret(value),
    });
  return {
    ...{ sim, cloud, clock, address, token },
    provider: open(token),
    reopen: (runtime) => open(token, runtime),
    openWithWrongToken: () => open(`dop_v1_wrong_token_${randomBytes(8).toString('hex')}`),
    makeSpec: (change: Partial<VmSpec> = {}) =>
      makeSpec({ region: 'nyc3', size: 's-1vcpu-1gb', sshPublicKeys, ...change }),
    within: (timeoutMs, change) => ({
      signal: new AbortController().signal,
      deadline: new Date(clock.now() + timeoutMs),
      ...change,
    }),
    machineTimeoutMs: 300_000,
    letPass: async (ms) => clock.advance(ms),
    powerOff: (vm) => cloud.powerOff(vm.id),
    stopFromOutside: async (vm) => {
      await cloud.act(vm.id, 'power_off');
    },
    startAgain: async (vm) => {
      await cloud.act(vm.id, 'power_on');
    },
    cleanUp: () => cloud.clear(),
    scopes: ['tag:read', 'account:read', 'droplet:read', 'firewall:read', 'snapshot:read', 'ssh_key:read'],
    sleeps: () => clock.sleeps,
    isCreate: ({ method, path }) => method === 'POST' && path === '/v2/droplets',
  };
}
