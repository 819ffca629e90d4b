/** `spuff` on each simulated cloud, with a real machine behind it: from the order to an SSH session, and to its end. */
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openProvider } from '../machine/lab.ts';
import { type MachineBacking, realMachines } from '../simulators/machine-backing.ts';
import { type RunningSim, simulatedClouds, startSim } from '../simulators/start.ts';
import { makeSpuffHome, type SpuffHome } from './spuff-process.ts';

const readKey = ['sudo', 'ssh-keygen', '-y', '-f', '/etc/ssh/ssh_host_ed25519_key'];

/** Says where a request comes from, as the services on the web do. */
let addressService: Server;
beforeAll(async () => {
  addressService = createServer((_request, response) => response.end('198.51.100.7\n'));
  await new Promise<void>((resolve) => addressService.listen(0, '127.0.0.1', resolve));
});
afterAll(() => addressService.close());

describe.each(simulatedClouds)('on %s', (name) => {
  let sim: RunningSim;
  let backing: MachineBacking;
  let home: SpuffHome;
  /** Runs spuff with the cloud's address and credential in its environment. */
  const spuff = (...args: string[]) => home.spuff(args, { env: sim.env });
  const ok = async (...args: string[]) => {
    const result = await spuff(...args);
    expect(result).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('error:') });
    return result;
  };

  beforeAll(async () => {
    backing = realMachines(openProvider());
    sim = await startSim(name, backing, 8);
    home = makeSpuffHome();
    await ok('init', '--yes');
    await ok('config', 'set', 'provider', name);
    const { port } = addressService.address() as AddressInfo;
    await ok('config', 'set', 'address_service', `http://127.0.0.1:${port}`);
  });
  afterEach(() => {
    expect(sim.harness.sim.descriptionFaults).toEqual([]);
  });
  afterAll(async () => {
    await spuff('down', '--all', '--force');
    await backing.removeAll();
    await sim.harness.sim.stop();
    await home.remove();
  });

  it('says what it would make, and what that costs, and makes nothing', async () => {
    const { stdout } = await ok('up', 'demo', '--size', '2cpu-4gb', '--dry-run');
    expect(stdout).toMatch(/price +\d+\.\d+ (?:USD|EUR)/);
    expect(stdout).toContain('SSH from 198.51.100.7/32 only');
    expect(sim.harness.cloud.inventory()).toEqual({});
  });

  it('makes a machine, proves it, runs a command on it and destroys it without a trace', async () => {
    const { stderr } = await ok('up', 'demo', '--size', '2cpu-4gb', '--ttl', '8h', '--no-connect');
    expect(stderr).toMatch(/an hour, at most \d+\.\d+ (?:USD|EUR) in 8h/);
    expect(sim.harness.cloud.machineIds()).toHaveLength(1);
    expect(await ok('exec', 'demo', '--', 'cat', '/etc/hostname')).toMatchObject({ stdout: 'demo\n' });
    expect((await ok('firewall', 'show', 'demo')).stdout).toBe('198.51.100.7/32\n');
    expect((await ok('status', 'demo')).stdout).toMatch(/host key +its own, pinned/);
    expect((await ok('ls')).stdout).toMatch(/COST/);
    await ok('down', 'demo');
    expect(sim.harness.cloud.inventory()).toEqual({});
  });

  it('lists sizes and regions, and knows the account', async () => {
    const { sizes } = JSON.parse((await ok('sizes', '--min-cpu', '2', '--json')).stdout);
    expect(sizes.length).toBeGreaterThan(0);
    expect(JSON.parse((await ok('regions', '--json')).stdout).regions.length).toBeGreaterThan(0);
    const { providers } = JSON.parse((await ok('providers', '--json')).stdout);
    expect(providers.find(({ id }: { id: string }) => id === name)).toMatchObject({
      isDefault: true,
      access: { ok: true },
    });
  });

  it('finds what is left of a lost state, and removes it on request', async () => {
    await ok('up', 'lost', '--no-connect');
    const other = makeSpuffHome();
    try {
      const run = (...args: string[]) => other.spuff(args, { env: sim.env });
      await run('config', 'set', 'provider', name);
      const { orphans } = JSON.parse((await run('orphans', '--json')).stdout);
      expect(orphans).toMatchObject([{ kind: 'vm', instanceName: 'lost', billed: true }]);
      expect(await run('orphans', '--remove', '--force')).toMatchObject({ exitCode: 0 });
      expect(JSON.parse((await run('orphans', '--json')).stdout).orphans).toEqual([]);
    } finally {
      await other.remove();
    }
    await ok('down', 'lost');
    expect(sim.harness.cloud.inventory()).toEqual({});
  });

  it('takes a machine into a new state, and is whole again once its host key is told', async () => {
    await ok('up', 'kept', '--no-connect');
    // As a person would read it at the provider's console.
    const { stdout: hostKey } = await ok('exec', 'kept', '--', ...readKey);
    for (const file of ['state.db', 'state.db-wal', 'state.db-shm', 'known_hosts', 'run'])
      rmSync(join(home.path, file), { recursive: true, force: true });
    expect((await ok('adopt')).stdout).toMatch(/^kept \(\w+\) is adopted, without its host key/);
    expect(await spuff('exec', 'kept', '--', 'true')).toMatchObject({ exitCode: 9 });
    const other = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`;
    expect(await spuff('adopt', 'kept', '--host-key', other)).toMatchObject({ exitCode: 9 });
    await ok('adopt', 'kept', '--host-key', hostKey);
    expect(await ok('exec', 'kept', '--', 'hostname')).toMatchObject({ stdout: 'kept\n' });
    expect((await ok('agent', 'status', 'kept')).stdout).toContain('problems  none');
    await ok('down', 'kept');
    expect(sim.harness.cloud.inventory()).toEqual({});
  });

  it('says which variable is missing, and where a token is made', async () => {
    const none = Object.fromEntries(Object.keys(sim.env).map((variable) => [variable, '']));
    const { exitCode, stderr } = await home.spuff(['up', 'x', '--dry-run'], {
      env: { ...none, HOME: home.path },
    });
    expect(exitCode).toBe(8);
    expect(stderr).toMatch(/hint: set [A-Z_]+/);
    expect(stderr).toMatch(/https:\/\//);
  });
});
