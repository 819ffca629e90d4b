/** Lists, ends, leftovers, filters, prices: where AWS has ways of its own. */
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import type { Leftover } from '../../src/domain/provider.ts';
import { neededTrials, optionalTrials, otherOptional } from '../../src/providers/aws/access-trials.ts';
import { type AwsHarness, makeHarness } from '../simulators/aws/harness.ts';
import { collect } from './collect.ts';

const callMs = 900_000;
let harness: AwsHarness;

beforeAll(async () => {
  harness = await makeHarness();
});
afterEach(async () => {
  const { sim, cloud } = harness;
  sim.healAll();
  await sim.idle();
  const faults = sim.descriptionFaults.splice(0);
  await cloud.clear();
  Object.assign(cloud, { listLagSeconds: 0, missingScopes: [] });
  expect(faults).toEqual([]);
});
afterAll(async () => {
  await harness.sim.stop();
});

const within = () => harness.within(callMs);
const make = async (change = {}) => {
  const spec = harness.makeSpec(change);
  const vm = await harness.provider.create(spec, within());
  return { spec, vm, instance: harness.aws.state.instances.get(vm.id.replace(/^.*\//, ''))! };
};

describe('the time of an end', () => {
  it('is told for what a request has ended, and of nothing else', async () => {
    const { provider } = harness;
    const { spec, vm } = await make();
    await provider.waitFor(vm.id, 'running', within());
    expect(await provider.endOf?.(vm.id, within())).toBeNull();
    const beforeMs = Math.floor(harness.clock.now() / 1_000) * 1_000;
    await provider.destroy(vm.id, { ...within(), expectKey: spec.key });
    const endMs = (await provider.endOf?.(vm.id, within()))?.getTime() ?? 0;
    expect(endMs).toBeGreaterThanOrEqual(beforeMs);
    expect(endMs).toBeLessThanOrEqual(harness.clock.now());
    const idle = (await make()).vm;
    await provider.waitFor(idle.id, 'running', within());
    await harness.powerOff(idle);
    await provider.waitFor(idle.id, 'gone', within());
    expect(await provider.endOf?.(idle.id, within())).toBeNull();
    expect(await provider.endOf?.('no-such-machine', within())).toBeNull();
  });
});

describe('a list', () => {
  it('whose pages lead back is an error, and ends', async () => {
    const body =
      '<DescribeInstancesResponse><reservationSet/><nextToken>again</nextToken></DescribeInstancesResponse>';
    harness.sim.fail({ kind: 'answer', answer: { status: 200, body }, times: 100 });
    await expect(collect(harness.provider.list(within()))).rejects.toMatchObject({
      providerCode: 'protocol',
    });
  });

  it('is of every region, and an id says which it is of', async () => {
    const { spec, vm } = await make({ region: 'eu-central-1' });
    const near = await make();
    const listed = await collect(harness.provider.list(within()));
    expect(listed.map(({ id }) => id).sort()).toEqual([vm.id, near.vm.id].sort());
    expect(vm.id).toMatch(/^eu-central-1\/i-/);
    const elsewhere = harness.makeProvider(undefined, ['us-west-2']);
    await expect(elsewhere.get(vm.id, within())).resolves.toMatchObject({ id: vm.id });
    await elsewhere.destroy(vm.id, { ...within(), expectKey: spec.key });
    expect(harness.cloud.machineIds()).toEqual([near.vm.id]);
  });

  it('shows a malformed key as none', async () => {
    const { instance } = await make();
    instance.tags['spuff-key'] = 'not-a-key';
    const [listed] = await collect(harness.provider.list(within()));
    expect(listed).toMatchObject({ key: null, instanceName: 'test' });
  });
});

describe('the end of a machine', () => {
  it('that does not show yet is waited for, and is no success by mistake', async () => {
    harness.cloud.listLagSeconds = 20;
    const { spec, vm } = await make();
    await harness.provider.destroy(vm.id, { ...within(), expectKey: spec.key });
    expect(harness.cloud.inventory()).toEqual({});
  });

  it('of an old key that AWS does not know is a success at once', async () => {
    const { key } = harness.makeSpec();
    harness.clock.advance(3_600_000);
    const before = harness.sleeps().length;
    const id = 'us-east-1/i-00000000000000001';
    await harness.provider.destroy(id, { ...within(), expectKey: key });
    // The spacing of requests alone.
    expect(Math.max(0, ...harness.sleeps().slice(before))).toBeLessThan(800);
  });

  it('that somebody has forbidden is told with the way to allow it', async () => {
    const { spec, vm, instance } = await make();
    instance.protectedFromEnd = true;
    await expect(harness.provider.destroy(vm.id, { ...within(), expectKey: spec.key })).rejects.toMatchObject(
      {
        ...{ providerCode: 'protected', hints: [expect.stringContaining('--no-disable-api-termination')] },
      },
    );
    expect(harness.cloud.machineIds()).toEqual([vm.id]);
  });

  it('by itself leaves nothing either, once it was destroyed', async () => {
    const { spec, vm } = await make();
    await harness.provider.waitFor(vm.id, 'running', within());
    await harness.powerOff(vm);
    await harness.provider.waitFor(vm.id, 'gone', within());
    await harness.provider.destroy(vm.id, { ...within(), expectKey: spec.key });
    expect(harness.cloud.inventory()).toEqual({});
  });
});

describe('leftovers', () => {
  test.each([
    ['volume', 'volume', true],
    ['nic', 'nic', false],
    ['address', 'ip', true],
  ] as const)(
    'a %s with the key is found, and removed; one without is not touched',
    async (thing, kind, billed) => {
      const { key, name } = harness.makeSpec();
      const ours = harness.plantThing(thing, { spuff: 'machine', 'spuff-key': key, Name: name });
      const foreign = harness.plantThing(thing, { Name: name, 'spuff-key': key });
      expect(await collect(harness.provider.leftovers(key, within()))).toEqual([
        { kind, id: ours, name, key, billed },
      ]);
      expect(await collect(harness.provider.leftovers(null, within()))).toHaveLength(1);
      const asOurs: Leftover = { kind, id: foreign, name, key, billed };
      await expect(harness.provider.removeLeftover(asOurs, within())).rejects.toMatchObject({
        providerCode: 'protected',
      });
      await harness.provider.removeLeftover({ ...asOurs, id: ours }, within());
      await harness.provider.removeLeftover({ ...asOurs, id: ours }, within());
      expect(harness.cloud.inventory()).toEqual({ [thing]: [foreign.replace(/^.*\//, '')] });
    },
  );

  it('with the mark and no proper key are neither told nor removed', async () => {
    const id = harness.plantThing('volume', { spuff: 'machine', 'spuff-key': 'malformed' });
    expect(await collect(harness.provider.leftovers(null, within()))).toEqual([]);
    const leftover: Leftover = { kind: 'volume', id, name: id, key: null, billed: true };
    await expect(harness.provider.removeLeftover(leftover, within())).rejects.toMatchObject({
      providerCode: 'protected',
    });
    expect(harness.cloud.inventory()).toEqual({ volume: [id.replace(/^.*\//, '')] });
  });

  it('are none while the machine lives, and what is in use is waited for only so long', async () => {
    const { spec } = await make();
    expect(await collect(harness.provider.leftovers(null, within()))).toEqual([]);
    const [group] = harness.aws.state.groups.keys();
    const id = `us-east-1/${group}`;
    const firewall: Leftover = { kind: 'firewall', id, name: spec.name, key: spec.key, billed: false };
    await expect(harness.provider.removeLeftover(firewall, within())).rejects.toMatchObject({
      providerCode: 'conflict',
    });
    expect([...harness.aws.state.groups.keys()]).toEqual([group]);
  });
});

describe('the filter', () => {
  it('that was taken off the machine is put back, also where it was deleted', async () => {
    const { spec, instance } = await make({ firewall: { allowSshFrom: ['198.51.100.7/32'] } });
    const { groups } = harness.aws.state;
    const [group] = instance.groupIds;
    instance.groupIds = [];
    await harness.provider.firewall!.set(spec.key, ['198.51.100.8/32'], within());
    expect(instance.groupIds).toEqual([group]);
    groups.clear();
    instance.groupIds = [];
    expect(await harness.provider.firewall!.show(spec.key, within())).toBeNull();
    await harness.provider.firewall!.set(spec.key, ['198.51.100.9/32'], within());
    expect(await harness.provider.firewall!.show(spec.key, within())).toEqual(['198.51.100.9/32']);
    expect(instance.groupIds).toEqual([...groups.keys()]);
  });

  it('lets those in who stay all the time while it is changed', async () => {
    const { spec } = await make({ firewall: { allowSshFrom: ['198.51.100.7/32', '198.51.100.8/32'] } });
    const before = harness.sim.requests.length;
    await harness.provider.firewall!.set(spec.key, ['198.51.100.8/32', '198.51.100.9/32'], within());
    const changes = harness.sim.requests
      .slice(before)
      .filter(({ body }) => /SecurityGroupIngress/.test(body));
    expect(changes.map(({ body }) => [/Action=(\w+)/.exec(body)?.[1], /198[.\d]+/.exec(body)?.[0]])).toEqual([
      ['AuthorizeSecurityGroupIngress', '198.51.100.9'],
      ['RevokeSecurityGroupIngress', '198.51.100.7'],
    ]);
  });

  it('is not made of what is no network', async () => {
    const before = harness.sim.requests.length;
    const spec = harness.makeSpec({ firewall: { allowSshFrom: ['everybody'] } });
    await expect(harness.provider.create(spec, within())).rejects.toMatchObject({ providerCode: 'invalid' });
    expect(harness.sim.requests.length).toBe(before);
  });
});

it('hardening switches the metadata service off, on machines of spuff alone', async () => {
  const { vm, instance } = await make();
  await harness.provider.harden!(vm.id, within());
  expect(instance.metadata).toMatchObject({ httpEndpoint: 'disabled', httpTokens: 'required' });
  const foreign = await harness.cloud.plantForeign('theirs');
  await expect(harness.provider.harden!(foreign, within())).rejects.toMatchObject({
    providerCode: 'protected',
  });
});

it('a snapshot of somebody else’s is not deleted, and ours goes with its disk', async () => {
  const { spec, vm } = await make();
  await harness.provider.waitFor(vm.id, 'running', within());
  const { snapshots } = harness.provider;
  const ours = await snapshots!.create(vm.id, 'ours', { ...within(), expectKey: spec.key });
  const { images, things } = harness.aws.state;
  const [image] = images.values();
  await snapshots!.delete(ours.id, within());
  expect([...images.keys(), ...[...things.values()].filter(({ kind }) => kind === 'snapshot')]).toEqual([]);
  images.set(image!.id, { ...image!, tags: { Name: 'theirs' } });
  await expect(snapshots!.delete(ours.id, within())).rejects.toMatchObject({ providerCode: 'protected' });
  expect(images.size).toBe(1);
});

describe('access', () => {
  it('names the account, all that is missing, and the quota in machines', async () => {
    harness.cloud.missingScopes = ['ec2:CreateImage', 'ec2:DescribeVolumes'];
    await make();
    const report = await harness.provider.checkAccess(within());
    expect(report.account).toBe('123456789012 (arn:aws:iam::123456789012:user/somebody)');
    expect(report.missing).toEqual(['ec2:CreateImage', 'ec2:DescribeVolumes']);
    expect(report.missingOptional).toEqual([]);
    expect(report.quota.vms).toMatchObject({ limit: 1_000 });
  });

  it('names each permission that is missing, and tells those apart that it does without', async () => {
    const needed = Object.keys(neededTrials).map((action) => `ec2:${action}`);
    const optional = [...Object.keys(optionalTrials).map((action) => `ec2:${action}`), ...otherOptional];
    for (const scope of [...needed, ...optional]) {
      harness.cloud.missingScopes = [scope];
      const { missing, missingOptional } = await harness.provider.checkAccess(within());
      expect({ scope, missing, missingOptional }).toEqual({
        ...{ scope, missing: needed.includes(scope) ? [scope] : [] },
        missingOptional: optional.includes(scope) ? [scope] : [],
      });
    }
    harness.cloud.missingScopes = [...needed, ...optional];
    const all = await harness.provider.checkAccess(within());
    expect([all.missing, all.missingOptional]).toEqual([needed.sort(), optional.sort()]);
    expect(all.quota).toEqual({});
    expect(harness.cloud.inventory()).toEqual({});
  });

  it('finds out that nothing may be given a tag', async () => {
    harness.aws.state.settings.missingScopes = ['ec2:CreateTags on create'];
    expect((await harness.provider.checkAccess(within())).missing).toEqual(['ec2:CreateTags']);
  });
});
