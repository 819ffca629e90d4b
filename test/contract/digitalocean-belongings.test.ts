/** What belongs to a machine at DigitalOcean besides the droplet: its firewall, login keys, volumes, snapshots. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Leftover, VmSpec } from '../../src/domain/provider.ts';
import { type DigitalOceanHarness, makeHarness } from '../simulators/digitalocean/harness.ts';
import { collect } from './collect.ts';

const loginKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2K7d1vJtPq2eGm6tQmM5oWb0rY7xGmV0dTq8z1bN5R me@here';

let harness: DigitalOceanHarness;
beforeAll(async () => {
  harness = await makeHarness({ sshPublicKeys: [loginKey] });
});
afterEach(async () => {
  harness.sim.healAll();
  await harness.cleanUp();
  Object.assign(harness.cloud, { missingScopes: [], listLagSeconds: 0 });
  expect(harness.sim.descriptionFaults.splice(0)).toEqual([]);
});
afterAll(() => harness.sim.stop());

const soon = () => harness.within(600_000);

async function make(change: Partial<VmSpec> = {}) {
  const spec = harness.makeSpec(change);
  return { spec, vm: await harness.provider.create(spec, soon()) };
}

async function destroy({ spec, vm }: Awaited<ReturnType<typeof make>>): Promise<void> {
  await harness.provider.destroy(vm.id, { ...soon(), expectKey: spec.key });
}

const leftoversOf = (key: VmSpec['key'] | null) => collect(harness.provider.leftovers(key, soon()));
const kinds = (all: readonly Leftover[]) => all.map(({ kind }) => kind);

describe('a firewall', () => {
  const firewall = { allowSshFrom: ['198.51.100.7/32'] };

  test('is there before the machine, and lets in who is named and nobody else', async () => {
    const { sim, cloud, isCreate } = harness;
    const first = sim.requests.length;
    const { vm } = await make({ firewall });
    const sent = sim.requests.slice(first);
    const made = sent.findIndex(({ method, path }) => method === 'POST' && path === '/v2/firewalls');
    expect(made).toBeGreaterThanOrEqual(0);
    expect(made).toBeLessThan(sent.findIndex(isCreate));
    const droplet = { id: Number(vm.id), tags: cloud.droplets.get(Number(vm.id))?.tags ?? [] };
    expect(cloud.firewalls.lets(droplet, '198.51.100.7/32', '22')).toBe(true);
    expect(cloud.firewalls.lets(droplet, '198.51.100.8/32', '22')).toBe(false);
    expect(cloud.firewalls.lets(droplet, '198.51.100.7/32', '80')).toBe(false);
  });

  test('that was made and whose answer was lost is not made again', async () => {
    const { sim, cloud } = harness;
    sim.fail({ kind: 'answer-lost', method: 'POST', path: /firewalls$/ });
    await make({ firewall });
    expect(cloud.firewalls.all()).toHaveLength(1);
  });

  test('is put before a machine that had none, and lets the machine out', async () => {
    const { provider, cloud } = harness;
    const { spec } = await make();
    expect(await provider.firewall?.show(spec.key, soon())).toBeNull();
    await provider.firewall?.set(spec.key, [], soon());
    expect(await provider.firewall?.show(spec.key, soon())).toEqual([]);
    const [made] = cloud.firewalls.all();
    expect(made?.inbound_rules).toEqual([]);
    expect(made?.outbound_rules.map(({ protocol }) => protocol)).toEqual(['tcp', 'udp', 'icmp']);
  });

  test('of somebody else is not ours, whatever its name', async () => {
    const { provider, cloud } = harness;
    const { spec } = await make();
    cloud.tags.add('web');
    const body = {
      name: `spuff-${spec.key}`,
      tags: ['web'],
      outbound_rules: [{ protocol: 'tcp', ports: '0', destinations: {} }],
    };
    const request = { method: 'POST', path: '', query: new URLSearchParams(), headers: {} };
    const { id } = cloud.firewalls.make({ ...request, body: JSON.stringify(body) });
    expect(await provider.firewall?.show(spec.key, soon())).toBeNull();
    expect(kinds(await leftoversOf(spec.key))).not.toContain('firewall');
    const leftover = { kind: 'firewall', id, name: body.name, key: spec.key, billed: false } as const;
    await provider.removeLeftover(leftover, soon());
    expect(cloud.firewalls.get(id)).toBeDefined();
  });

  test('is removed only by its key', async () => {
    const { provider, cloud, makeSpec } = harness;
    const { spec } = await make({ firewall });
    const [{ id, name } = { id: '', name: '' }] = cloud.firewalls.all();
    const leftover = { kind: 'firewall', id, name, billed: false } as const;
    await provider.removeLeftover({ ...leftover, key: makeSpec().key }, soon());
    expect(cloud.firewalls.all()).toHaveLength(1);
    await provider.removeLeftover({ ...leftover, key: spec.key }, soon());
    expect(cloud.firewalls.all()).toEqual([]);
  });

  test('is a leftover of its machine; of all, only when its machine is gone and it is no longer new', async () => {
    const { clock } = harness;
    const one = await make({ firewall });
    clock.advance(3_600_000);
    expect(kinds(await leftoversOf(null))).toEqual([]);
    await destroy(one);
    expect(await leftoversOf(one.spec.key)).toMatchObject([
      { kind: 'firewall', name: `spuff-${one.spec.key}`, key: one.spec.key, billed: false },
      { kind: 'sshkey', key: one.spec.key },
    ]);
    expect(kinds(await leftoversOf(null))).toEqual(['firewall', 'sshkey']);
    const young = await make({ firewall });
    await destroy(young);
    const all = await leftoversOf(null);
    expect(all.filter(({ kind }) => kind === 'firewall').map(({ key }) => key)).toEqual([one.spec.key]);
  });
});

describe('a login key', () => {
  test('is registered once for all machines, and goes with the last', async () => {
    const { provider, cloud } = harness;
    const [one, two] = [await make(), await make()];
    expect(cloud.keys.all()).toHaveLength(1);
    await destroy(one);
    expect(await leftoversOf(one.spec.key)).toEqual([]);
    await destroy(two);
    const [leftover] = await leftoversOf(two.spec.key);
    expect(leftover).toMatchObject({ kind: 'sshkey', name: cloud.keys.all()[0]?.name, billed: false });
    if (leftover) await provider.removeLeftover(leftover, soon());
    expect(cloud.keys.all()).toEqual([]);
  });

  test('of the user is used, and never removed', async () => {
    const { provider, cloud } = harness;
    const own = cloud.keys.add('laptop', loginKey);
    const one = await make();
    expect(cloud.droplets.get(Number(one.vm.id))?.sshKeys).toEqual([own.fingerprint]);
    await destroy(one);
    expect(await leftoversOf(one.spec.key)).toEqual([]);
    const leftover = {
      kind: 'sshkey',
      id: String(own.id),
      name: own.name,
      key: one.spec.key,
      billed: false,
    } as const;
    await provider.removeLeftover(leftover, soon());
    expect(cloud.keys.all()).toEqual([own]);
  });

  test('that a machine was made with since is not removed', async () => {
    const { provider, cloud } = harness;
    const one = await make();
    await destroy(one);
    const [leftover] = await leftoversOf(null);
    await make();
    if (leftover) await provider.removeLeftover(leftover, soon());
    expect(cloud.keys.all()).toHaveLength(1);
  });

  test('that the end of another machine takes away under an order is registered again', async () => {
    const { sim, cloud, isCreate } = harness;
    sim.fail({
      kind: 'answer',
      match: (request) => {
        if (!isCreate(request)) return false;
        cloud.keys.clear();
        return true;
      },
      answer: {
        status: 422,
        body: { id: 'x', message: 'ab:cd are invalid key identifiers for Droplet creation.' },
      },
    });
    const { vm } = await make();
    expect(cloud.machineIds()).toEqual([vm.id]);
    expect(cloud.keys.all()).toHaveLength(1);
  });

  test('of a kind that DigitalOcean does not take is left to the user data', async () => {
    const blob = Buffer.concat([
      Buffer.from([0, 0, 0, 26]),
      Buffer.from('sk-ssh-ed25519@openssh.com'),
      Buffer.alloc(40),
    ]).toString('base64');
    await make({ sshPublicKeys: [`sk-ssh-ed25519@openssh.com ${blob} token`] });
    expect(harness.cloud.keys.all()).toEqual([]);
  });
});

describe('a volume', () => {
  test('with our tags is told, and removed once the cloud no longer calls it in use', async () => {
    const { provider, cloud, sim } = harness;
    const one = await make();
    const mine = cloud.volumes.plant('data', ['spuff', `spuff-key:${one.spec.key}`]);
    const other = cloud.volumes.plant('other', ['web']);
    await destroy(one);
    const [leftover] = await leftoversOf(one.spec.key);
    expect(leftover).toMatchObject({ kind: 'volume', id: mine.id, name: 'data', billed: true });
    const answer = { status: 409, body: { id: 'conflict', message: 'volume is still attached' } };
    sim.fail({ kind: 'answer', answer, method: 'DELETE', path: /volumes/, times: 3 });
    if (leftover) await provider.removeLeftover(leftover, soon());
    expect(cloud.volumes.all()).toEqual([other]);
    const foreign = { kind: 'volume', id: other.id, name: 'other', key: one.spec.key, billed: true } as const;
    await provider.removeLeftover(foreign, soon());
    expect(cloud.volumes.all()).toEqual([other]);
  });

  test('that stays in use is told after a while', async () => {
    const { provider, cloud } = harness;
    const one = await make();
    const { id } = cloud.volumes.plant('data', ['spuff', `spuff-key:${one.spec.key}`], [Number(one.vm.id)]);
    const leftover = { kind: 'volume', id, name: 'data', key: one.spec.key, billed: true } as const;
    await expect(provider.removeLeftover(leftover, soon())).rejects.toMatchObject({
      providerCode: 'conflict',
    });
  });

  test('is not looked for with a token that can not have made any', async () => {
    harness.cloud.missingScopes = ['block_storage:read'];
    expect(await leftoversOf(null)).toEqual([]);
    harness.cloud.missingScopes = ['firewall:read'];
    await expect(leftoversOf(null)).rejects.toMatchObject({ providerCode: 'forbidden' });
  });
});

test('a second machine of a key is a leftover, and is removed only by that key', async () => {
  const { provider, cloud, clock } = harness;
  const one = await make();
  clock.advance(1_000);
  const tags = cloud.droplets.get(Number(one.vm.id))?.tags ?? [];
  const second = cloud.plant({ name: one.spec.name, tags: [...tags] });
  const [leftover] = await leftoversOf(one.spec.key);
  expect(leftover).toMatchObject({ kind: 'vm', id: String(second.id), key: one.spec.key, billed: true });
  const { key } = harness.makeSpec();
  const wrong = { ...(leftover as Leftover), key };
  await expect(provider.removeLeftover(wrong, soon())).rejects.toMatchObject({ providerCode: 'protected' });
  await provider.removeLeftover(leftover as Leftover, soon());
  expect(cloud.machineIds()).toEqual([one.vm.id]);
});

describe('a snapshot', () => {
  const take = (one: Awaited<ReturnType<typeof make>>, name: string, change = {}) => {
    const { provider } = harness;
    if (!provider.snapshots) throw new Error('there are none');
    return provider.snapshots.create(one.vm.id, name, { ...soon(), expectKey: one.spec.key, ...change });
  };
  const runningOne = async () => {
    const one = await make();
    await harness.provider.waitFor(one.vm.id, 'running', soon());
    return one;
  };

  test('whose order was answered to nobody is waited for, and taken once', async () => {
    const { sim, cloud } = harness;
    const one = await runningOne();
    sim.fail({ kind: 'answer-lost', method: 'POST', path: /actions$/ });
    const taken = await take(one, 'x');
    expect(cloud.images.snapshots().map(({ id }) => String(id))).toEqual([taken.id]);
  });

  test('whose order never got through is not known to have', async () => {
    const { sim, cloud } = harness;
    const one = await runningOne();
    const earlier = await take(one, 'x');
    sim.fail({ kind: 'request-lost', method: 'POST', path: /actions$/ });
    await expect(take(one, 'x')).rejects.toMatchObject({ providerCode: 'ambiguous' });
    expect(cloud.images.snapshots().map(({ id }) => String(id))).toEqual([earlier.id]);
  });

  test('of a name that there is already is another one', async () => {
    const one = await runningOne();
    const [first, second] = [await take(one, 'same'), await take(one, 'same')];
    expect(second.id).not.toBe(first.id);
    expect(second.name).toBe('same');
  });

  test('that DigitalOcean can not take has failed', async () => {
    const one = await runningOne();
    harness.cloud.images.failNextSnapshot = true;
    await expect(take(one, 'x')).rejects.toMatchObject({ providerCode: 'action-failed' });
  });

  test('with a name that is too long in the API’s letters is refused before it is taken', async () => {
    const one = await runningOne();
    await expect(take(one, 'ü'.repeat(100))).rejects.toMatchObject({ providerCode: 'invalid' });
    expect((await take(one, 'u'.repeat(100))).name).toBe('u'.repeat(100));
  });

  test('of the user is not listed, and not deleted', async () => {
    const { provider, cloud } = harness;
    const planted = ['before upgrade', 'spuff', 'spuff:nokey:x:y', `spuff:${harness.makeSpec().key}:x:%`];
    for (const name of planted) cloud.images.plant(name);
    if (provider.snapshots) expect(await collect(provider.snapshots.list(soon()))).toEqual([]);
    for (const { id } of cloud.images.snapshots()) {
      const deleting = provider.snapshots?.delete(String(id), soon());
      await expect(deleting).rejects.toMatchObject({ providerCode: 'protected' });
    }
    expect(cloud.images.snapshots()).toHaveLength(planted.length);
  });
});
