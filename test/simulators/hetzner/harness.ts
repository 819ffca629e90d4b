import type { Runtime } from '../../../src/domain/provider.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createHetznerProvider } from '../../../src/providers/hetzner/hetzner-provider.ts';
import type { CloudHarness } from '../../contract/cloud-harness.ts';
import { makeSpec } from '../../machine/lab.ts';
import { type MachineBacking, pretendMachines } from '../machine-backing.ts';
import { loadDescription } from '../openapi.ts';
import { createSimClock, type SimClock } from '../sim-clock.ts';
import { SimServer } from '../sim-server.ts';
import { HetznerCloud, readWrite, simToken } from './hetzner-cloud.ts';
import { powerOffServer, powerOnServer } from './servers.ts';

export interface HetznerHarness extends CloudHarness {
  cloud: HetznerCloud;
  /** Where the simulator answers, such as `http://127.0.0.1:4711/v1`. */
  baseUrl: URL;
  clock: SimClock;
}

/** The provider over a simulated project, both by one clock. Real machines take real time: they need a clock that does not skip. */
export async function makeHetznerHarness(
  backing: MachineBacking = pretendMachines(),
  clock: SimClock = createSimClock(),
): Promise<HetznerHarness> {
  const cloud = new HetznerCloud(clock, backing);
  const sim = new SimServer({
    handle: (request) => cloud.handle(request),
    description: loadDescription('hetzner.openapi.json'),
    pathPrefix: '/v1',
    now: clock.now,
  });
  const baseUrl = new URL('/v1', await sim.start());
  const open = (token: string, runtime: Runtime = clock) =>
    createHetznerProvider({ runtime, token: async () => new Secret(token), baseUrl });
  return {
    ...{ sim, cloud, clock, baseUrl },
    provider: open(simToken),
    scopes: [readWrite],
    machineTimeoutMs: 120_000,
    makeSpec: (change) => makeSpec({ region: 'nbg1', size: 'cpx22', ...change }),
    within: (timeoutMs, change) => ({
      signal: new AbortController().signal,
      deadline: new Date(clock.now() + timeoutMs),
      ...change,
    }),
    letPass: async (ms) => clock.advance(ms),
    powerOff: async (vm) => {
      const server = cloud.state.servers.get(Number(vm.id));
      await backing.powerOff(server?.machineId ?? '');
    },
    stopFromOutside: async (vm) => {
      await powerOffServer(cloud.state, vm.id, 'stop_server');
    },
    startAgain: async (vm) => {
      await powerOnServer(cloud.state, vm.id);
    },
    sleeps: () => clock.sleeps,
    isCreate: ({ method, path }) => method === 'POST' && path === '/v1/servers',
    openWithWrongToken: () => open('wrong-token-0123456789'),
    reopen: (runtime) => open(simToken, runtime),
    cleanUp: async () => {
      await cloud.clear();
    },
  };
}

export async function makeHarness(): Promise<CloudHarness> {
  return makeHetznerHarness();
}
