/** Login keys that providers keep in the account, when one takes the place of another. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LoginKeyRegistry, VmSpec } from '../../src/domain/provider.ts';
import { makeHarness } from '../simulators/digitalocean/harness.ts';
import { makeHetznerHarness } from '../simulators/hetzner/harness.ts';
import { removeAll } from './cloud-conformance.ts';
import type { CloudHarness } from './cloud-harness.ts';
import { collect } from './collect.ts';

const [old, next] = ['a', 'b'].map(
  (letter) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${letter.repeat(43)}`,
) as [string, string];

const clouds: Readonly<Record<string, () => Promise<CloudHarness>>> = {
  digitalocean: () => makeHarness({ sshPublicKeys: [old] }),
  hetzner: () => makeHetznerHarness(),
};

describe.each(Object.entries(clouds))('login keys at %s', (_name, open) => {
  let harness: CloudHarness;
  let registry: LoginKeyRegistry;
  const made: VmSpec[] = [];
  beforeAll(async () => {
    harness = await open();
    registry = harness.provider.loginKeys as LoginKeyRegistry;
  });
  afterEach(async () => {
    for (const spec of made.splice(0)) await removeAll(harness.provider, spec, harness);
    expect(harness.sim.descriptionFaults.splice(0)).toEqual([]);
  });
  afterAll(() => harness.sim.stop());

  const within = () => harness.within(600_000);
  const list = () => registry.list(within());

  async function make(): Promise<VmSpec> {
    const spec = harness.makeSpec({ sshPublicKeys: [`${old} ana@laptop`] });
    made.push(spec);
    const { id } = await harness.provider.create(spec, within());
    await harness.provider.waitFor(id, 'running', within());
    return spec;
  }

  test('are replaced for machines that moved: the old one goes, the new one goes with the last of them', async () => {
    const [one, two] = [await make(), await make()];
    expect(await list()).toEqual([old]);
    const before = await harness.provider.find(one.key, within());
    const change = { removed: old, added: next, machines: [one.key, two.key] };
    await registry.replace(change, within());
    expect(await list()).toEqual([next]);
    expect(await harness.provider.find(one.key, within())).toMatchObject({
      ...{ key: one.key, instanceName: one.instanceName, expiresAt: before?.expiresAt },
    });
    await registry.replace(change, within());
    expect(await list()).toEqual([next]);
    expect(await collect(harness.provider.leftovers(null, within()))).toEqual([]);
    await removeAll(harness.provider, one, harness);
    expect(await list()).toEqual([next]);
    await removeAll(harness.provider, two, harness);
    expect(await list()).toEqual([]);
  });

  test('stay while a machine that did not move needs them', async () => {
    const [one, two] = [await make(), await make()];
    await registry.replace({ removed: old, added: next, machines: [one.key] }, within());
    expect((await list()).toSorted()).toEqual([old, next]);
    await registry.replace({ removed: old, added: next, machines: [two.key] }, within());
    expect(await list()).toEqual([next]);
  });

  test('are taken away without another in their place, and nothing else is', async () => {
    const one = await make();
    await registry.replace({ removed: next, added: null, machines: [one.key] }, within());
    expect(await list()).toEqual([old]);
    await registry.replace({ removed: old, added: null, machines: [one.key] }, within());
    expect(await list()).toEqual([]);
  });
});
