/** The simulated cloud with a real machine behind it: what is ordered boots, and what the cloud says of it is so. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openProvider } from '../machine/lab.ts';
import { runOnMachine } from '../machine/run-on-machine.ts';
import { type DigitalOceanHarness, makeHarness } from '../simulators/digitalocean/harness.ts';
import { realMachines } from '../simulators/machine-backing.ts';

let harness: DigitalOceanHarness;
beforeAll(async () => {
  harness = await makeHarness({ backing: realMachines(openProvider()) });
});
afterAll(async () => {
  await harness.cleanUp();
  await harness.sim.stop();
});

/** What whoever listens there says first. */
function greetingOf(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
  });
}

test('a droplet is a machine that boots with the user data, answers at its address, powers off and goes', async () => {
  const { provider, cloud, makeSpec, within, machineTimeoutMs, sim } = harness;
  const userData = '#cloud-config\nwrite_files: [{ path: /etc/ordered, content: as ordered }]\n';
  const spec = makeSpec({ userData });
  const { id } = await provider.create(spec, within(machineTimeoutMs));
  const running = await provider.waitFor(id, 'running', within(machineTimeoutMs));
  const container = cloud.droplets.get(Number(id))?.machine?.id ?? '';
  await runOnMachine({ name: container }, ['cloud-init', 'status', '--wait']);
  const { stdout } = await runOnMachine({ name: container }, ['cat', '/etc/ordered']);
  expect(stdout).toBe('as ordered');
  expect(await greetingOf(running?.ssh?.host ?? '', running?.ssh?.port ?? 0)).toMatch(/^SSH-2\.0-/);
  await cloud.powerOff(id);
  expect(await provider.waitFor(id, 'stopped', within(86_400_000))).toMatchObject({ state: 'stopped' });
  await provider.destroy(id, { ...within(machineTimeoutMs), expectKey: spec.key });
  expect(cloud.inventory()).toEqual({});
  expect(sim.descriptionFaults).toEqual([]);
});
