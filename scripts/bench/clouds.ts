/** What spuff adds to clouds: many instances listed at once, and one made, each against what the simulated cloud itself takes. */
import { once } from 'node:events';
import { makeInstanceKey } from '../../src/domain/ids.ts';
import type { Instance } from '../../src/domain/instance.ts';
import { Secret } from '../../src/domain/secret.ts';
import { openStateStore } from '../../src/state/state-store.ts';
import { openProvider } from '../../test/machine/lab.ts';
import { pretendMachines, realMachines } from '../../test/simulators/machine-backing.ts';
import { type RunningSim, simulatedClouds, startSim } from '../../test/simulators/start.ts';
import { commandJob, type Measured, measureInTurn, runTimed } from './measure.ts';
import type { BenchSetup } from './setup.ts';
import { formatMs, type Row } from './table.ts';

const instancesInAll = 1_000;
const addedAimMs = 1_000;

/** `spuff ls --refresh` over a thousand instances at three clouds, against the slowest list of one of them. */
export async function measureLists(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const sims = await Promise.all(simulatedClouds.map((name) => startSim(name, pretendMachines())));
  try {
    for (const sim of sims) await sim.harness.cloud.plantOurs(Math.ceil(instancesInAll / sims.length));
    const home = `${setup.home}-many`;
    await rememberAll(home, sims);
    const env = Object.assign({ ...setup.env, SPUFF_HOME: home }, ...sims.map((sim) => sim.env));
    const listOf = async (sim: RunningSim) => {
      const { provider, within } = sim.harness;
      const start = process.hrtime.bigint();
      for await (const _ of provider.list(within(600_000)));
      return Number(process.hrtime.bigint() - start) / 1e6;
    };
    const before = sims.map(({ harness }) => harness.sim.requests.length);
    await runTimed([...setup.command, 'ls', '--refresh', '--json'], env);
    const requests = sims.reduce(
      (sum, { harness }, at) => sum + harness.sim.requests.length - (before[at] ?? 0),
      0,
    );
    const [ls, ...lists] = await measureInTurn(
      [
        commandJob(
          `spuff ls --refresh, ${instancesInAll} instances`,
          [...setup.command, 'ls', '--refresh', '--json'],
          env,
        ),
        ...sims.map((sim, at) => ({ name: `one list of ${simulatedClouds[at]}`, once: () => listOf(sim) })),
      ],
      rounds,
    );
    const [slowest] = [...lists].sort((one, other) => other.medianMs - one.medianMs);
    if (!ls || !slowest) throw new Error('a job was not measured');
    return [
      {
        what: `${ls.name} (${requests} requests)`,
        value: formatMs(ls.medianMs),
        peer: `${slowest.name}: ${formatMs(slowest.medianMs)}`,
        ratio: `${(ls.medianMs / slowest.medianMs).toFixed(2)} ×`,
        aim: '',
        met: null,
      },
    ];
  } finally {
    for (const { harness } of sims) await harness.sim.stop();
  }
}

/** A state that knows every machine of the simulators. */
async function rememberAll(home: string, sims: readonly RunningSim[]): Promise<void> {
  const state = openStateStore({ path: `${home}/state.db` });
  for (const [at, { harness }] of sims.entries()) {
    for await (const { id, key, region, size } of harness.provider.list(harness.within(600_000))) {
      if (key === null) continue;
      state.insertInstance({
        ...recordFor(`m-${key}`),
        key,
        provider: simulatedClouds[at] ?? '',
        vmId: id,
        region,
        size,
      });
    }
  }
  state.close();
}

function recordFor(name: string): Instance {
  const now = new Date();
  return {
    ...{
      key: makeInstanceKey(0, new Uint8Array(10)),
      name,
      provider: '',
      phase: 'ready',
      vmId: null,
      region: '',
      size: '',
    },
    ...{
      arch: 'x86_64',
      image: { kind: 'slug', slug: 'debian-12' },
      user: 'dev',
      ssh: { host: '203.0.113.1', port: 22 },
    },
    tailnet: null,
    hostIdentity: { phase: 'pinned', injectedPublicKey: 'ssh-ed25519 AAAA', publicKey: 'ssh-ed25519 AAAB' },
    ...{
      sshPublicKeyPath: null,
      agentToken: new Secret('x'.repeat(43)),
      agent: null,
      directory: '/',
      tariff: null,
    },
    ...{ createdAt: now, readyAt: now, expiresAt: null, idleTimeoutMs: null, vmState: null },
  };
}

/**
 * `spuff up` at a simulated cloud, against the same order sent by hand: until sshd answers, and until cloud-init has done all
 * of it, which `up` waits for and which is the cloud's own time.
 */
export async function measureCloudUp(setup: BenchSetup, rounds: number): Promise<Row[]> {
  const backing = realMachines(openProvider());
  const sim = await startSim('hetzner', backing, 8);
  const env = { ...setup.env, ...sim.env, SPUFF_HOME: `${setup.home}-cloud` };
  const spuff = (...args: string[]) => runTimed([...setup.command, ...args], env);
  try {
    await spuff('init', '--yes');
    await spuff('config', 'set', 'provider', 'hetzner');
    await spuff('config', 'set', 'firewall', 'open');
    const up = {
      name: 'spuff up at a simulated cloud',
      once: async () => {
        const { ms } = await spuff('up', 'bench-cloud', '--no-connect');
        await spuff('down', 'bench-cloud');
        return ms;
      },
    };
    const toBanner = async () => undefined;
    const toFirstBoot = () => backing.awaitFirstBoots();
    const [own, banner, firstBoot] = await measureInTurn(
      [
        up,
        { name: 'the cloud: order to SSH banner', once: () => orderByHand(sim, toBanner) },
        { name: 'the cloud: order to the end of cloud-init', once: () => orderByHand(sim, toFirstBoot) },
      ],
      rounds,
    );
    if (!own || !banner || !firstBoot) throw new Error('a job was not measured');
    return [{ ...compareUp(own, banner), aim: '', met: null }, compareUp(own, firstBoot)];
  } finally {
    await backing.removeAll();
    await sim.harness.sim.stop();
  }
}

function compareUp(own: Measured, cloud: Measured): Row {
  const added = own.medianMs - cloud.medianMs;
  return {
    what: own.name,
    value: formatMs(own.medianMs),
    peer: `${cloud.name}: ${formatMs(cloud.medianMs)}`,
    ratio: `${added < 0 ? '−' : '+'}${formatMs(Math.abs(added))}`,
    aim: `≤ +${formatMs(addedAimMs)}`,
    met: added <= addedAimMs,
  };
}

/** The provider's own requests, one after another, the banner of sshd, and `then`; nothing of spuff's steps. */
async function orderByHand({ harness, env }: RunningSim, then: () => Promise<void>): Promise<number> {
  const { createHetznerProvider } = await import('../../src/providers/hetzner/hetzner-provider.ts');
  const { systemRuntime } = await import('../../src/lib/clock.ts');
  const { createConnection } = await import('node:net');
  const provider = createHetznerProvider({
    runtime: systemRuntime,
    baseUrl: new URL(env['HCLOUD_ENDPOINT'] ?? ''),
    token: async () => new Secret(env['HCLOUD_TOKEN'] ?? ''),
  });
  const spec = harness.makeSpec();
  const call = { signal: new AbortController().signal, deadline: new Date(Date.now() + 120_000) };
  const start = process.hrtime.bigint();
  const made = await provider.create(spec, call);
  const vm = await provider.waitFor(made.id, 'running', call);
  const { host, port } = vm?.ssh ?? { host: '', port: 22 };
  for (let tries = 0; tries < 2_000; tries++) {
    const socket = createConnection({ host, port });
    try {
      await once(socket, 'data', { signal: AbortSignal.timeout(500) });
      break;
    } catch {
      // Not up yet.
    } finally {
      socket.destroy();
    }
  }
  await then();
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  await provider.destroy(made.id, { ...call, expectKey: spec.key });
  return ms;
}
