/** What the provider asks of AWS for a machine, and what it makes of AWS's own ways: tokens, lags, refusals of one kind each. */
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { createAwsProvider } from '../../src/providers/aws/aws-provider.ts';
import { type AwsHarness, makeHarness, testKey } from '../simulators/aws/harness.ts';
import { readForm, textIn } from '../simulators/aws/wire.ts';
import { collect } from './collect.ts';

const callMs = 600_000;
let harness: AwsHarness;
let seen: number;

beforeAll(async () => {
  harness = await makeHarness();
  seen = 0;
});
afterEach(async () => {
  const { sim, cloud } = harness;
  sim.healAll();
  await sim.idle();
  const faults = sim.descriptionFaults.splice(0);
  await cloud.clear();
  const calm = { listLagSeconds: 0, fullRegions: [], machineLimit: 1_000, missingScopes: [] };
  Object.assign(cloud, calm, { failNextPlacement: false });
  seen = sim.requests.length;
  expect(faults).toEqual([]);
});
afterAll(async () => {
  await harness.sim.stop();
});

const actions = () => harness.sim.requests.slice(seen).map(({ body }) => textIn(readForm(body), 'Action'));
const bodiesOf = (action: string) =>
  harness.sim.requests
    .slice(seen)
    .map(({ body }) => body)
    .filter((body) => body.includes(`Action=${action}&`));
const within = () => harness.within(callMs);

describe('the order of a machine', () => {
  it('carries the key as its token, closes the metadata service to all but sessions, and gives no role', async () => {
    const spec = harness.makeSpec({ userData: '#cloud-config\n{"a": "ü"}\n' });
    await harness.provider.create(spec, within());
    const [body = ''] = bodiesOf('RunInstances');
    const pairs = Object.fromEntries(new URLSearchParams(body));
    expect(pairs).toMatchObject({
      ClientToken: spec.key,
      ...{ MinCount: '1', MaxCount: '1', InstanceType: 't3.small' },
      'MetadataOptions.HttpTokens': 'required',
      'MetadataOptions.HttpPutResponseHopLimit': '1',
      InstanceInitiatedShutdownBehavior: 'terminate',
      'BlockDeviceMapping.1.DeviceName': '/dev/xvda',
      'BlockDeviceMapping.1.Ebs.DeleteOnTermination': 'true',
      'TagSpecification.1.ResourceType': 'instance',
      'TagSpecification.2.ResourceType': 'volume',
      'TagSpecification.3.ResourceType': 'network-interface',
    });
    expect(Buffer.from(pairs['UserData'] ?? '', 'base64').toString()).toBe(spec.userData);
    expect(body).not.toMatch(/IamInstanceProfile|KeyName|SpotOptions|DryRun/);
    const tags = harness.aws.state.instances.values().next().value?.tags;
    expect(tags).toMatchObject({ spuff: 'machine', 'spuff-key': spec.key, 'spuff-owner': 'spuff-test' });
    expect(tags?.['spuff-expires']).toBe(String(Math.floor(Number(spec.expiresAt) / 1_000)));
  });

  it('comes after the filter with all its rules', async () => {
    const allowSshFrom = ['198.51.100.7/32', '2001:db8::/64'];
    await harness.provider.create(harness.makeSpec({ firewall: { allowSshFrom } }), within());
    const order = ['CreateSecurityGroup', 'AuthorizeSecurityGroupIngress', 'RunInstances'];
    expect(actions().filter((action) => order.includes(action ?? ''))).toEqual(order);
    const [group] = harness.aws.state.groups.values();
    expect(group?.rules.map(({ from, to, cidr }) => [from, to, cidr])).toEqual(
      allowSshFrom.map((cidr) => ['22', '22', cidr]),
    );
  });

  it('is what the plan says', async () => {
    const spec = harness.makeSpec({ spot: true, firewall: { allowSshFrom: ['198.51.100.7/32'] } });
    const plan = harness.provider.plan(spec);
    await harness.provider.create(spec, within());
    const order = plan.requests.map(({ path }) => path.replace(/^.*=/, ''));
    expect(actions().filter((action) => order.includes(action ?? ''))).toEqual(order);
    const [body = ''] = bodiesOf('RunInstances');
    const { SecurityGroupId: _group, ImageId: _image, ...sent } = readForm(body);
    const planned = plan.requests.at(-1)?.body as Record<string, unknown>;
    expect(Object.keys(planned).sort()).toEqual(
      [...Object.keys(sent), 'SecurityGroupId', 'ImageId']
        .filter((name) => !/^(?:Action|Version)$/.test(name))
        .sort(),
    );
    expect(textIn(sent, 'InstanceMarketOptions', 'SpotOptions', 'InstanceInterruptionBehavior')).toBe(
      'terminate',
    );
    expect(harness.aws.state.instances.values().next().value?.spot).toBe(true);
  });

  it('is told by its action and region', async () => {
    const told: string[] = [];
    const onRequest = ({ url }: { url: string }) => void told.push(url);
    await harness.provider.create(harness.makeSpec(), { ...within(), onRequest });
    expect(told).toContain('ec2.us-east-1/?Action=RunInstances');
    expect(told.length).toBe(actions().length);
  });

  it('is the same byte for byte when the answer was lost', async () => {
    harness.sim.fail({ kind: 'answer-lost', match: harness.isCreate });
    await harness.provider.create(harness.makeSpec(), within());
    const [first, second, ...more] = bodiesOf('RunInstances');
    expect(second).toBe(first);
    expect(more).toEqual([]);
    expect(harness.cloud.machineIds()).toHaveLength(1);
  });

  it('that differs from the first one of its key gives the machine of the first', async () => {
    const spec = harness.makeSpec();
    harness.cloud.listLagSeconds = 20;
    const first = await harness.provider.create(spec, within());
    const again = await harness.reopen().create({ ...spec, userData: '#other\n' }, within());
    expect(again.id).toBe(first.id);
    expect(harness.cloud.machineIds()).toEqual([first.id]);
  });

  it('is repeated while the new filter does not show yet', async () => {
    const body =
      '<Response><Errors><Error><Code>InvalidGroup.NotFound</Code><Message>none</Message></Error></Errors></Response>';
    harness.sim.fail({ kind: 'answer', answer: { status: 400, body }, match: harness.isCreate, times: 2 });
    const spec = harness.makeSpec();
    await expect(harness.provider.create(spec, within())).resolves.toMatchObject({ key: spec.key });
    expect(bodiesOf('RunInstances')).toHaveLength(3);
  });

  it('waits where AWS says that it is asked too fast', async () => {
    harness.aws.state.settings.throttle = 3;
    const before = harness.sleeps().length;
    await harness.provider.create(harness.makeSpec(), within());
    const waits = harness.sleeps().slice(before);
    expect(waits.filter((ms) => ms >= 250).length).toBeGreaterThanOrEqual(3);
    expect(harness.cloud.machineIds()).toHaveLength(1);
  });

  it('is not repeated where there is no room, 500 or not, but made elsewhere', async () => {
    harness.cloud.fullRegions = ['us-east-1'];
    const spec = harness.makeSpec();
    const error = await harness.provider.create(spec, within()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ providerCode: 'capacity', info: { status: 500, retryable: false } });
    const tokens = bodiesOf('RunInstances').map((body) => textIn(readForm(body), 'ClientToken'));
    expect(tokens).toHaveLength(4);
    expect(new Set(tokens).size).toBe(4);
    const elsewhere = await harness.provider.create({ ...spec, region: 'eu-central-1' }, within());
    expect(elsewhere).toMatchObject({ region: 'eu-central-1', key: spec.key });
  });

  it('over the quota says how much is used', async () => {
    await harness.provider.create(harness.makeSpec(), within());
    harness.cloud.machineLimit = 1;
    const error = await harness.provider
      .create(harness.makeSpec(), within())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      providerCode: 'quota',
      message: expect.stringContaining('2 of 2 processors of the account are in use in us-east-1'),
    });
  });

  it('of a key whose filter is named like somebody else’s is refused', async () => {
    const spec = harness.makeSpec();
    const { groups, vpcOf } = harness.aws.state;
    groups.set('sg-00000000000000001', {
      ...{ id: 'sg-00000000000000001', region: 'us-east-1', vpcId: vpcOf('us-east-1'), name: spec.name },
      ...{ description: 'theirs', tags: {}, rules: [] },
    });
    await expect(harness.provider.create(spec, within())).rejects.toMatchObject({
      providerCode: 'name-taken',
    });
    expect(harness.cloud.machineIds()).toEqual([]);
    expect([...groups.keys()]).toEqual(['sg-00000000000000001']);
  });

  it('in an account without a network says how to make one', async () => {
    const body =
      '<Response><Errors><Error><Code>VPCIdNotSpecified</Code><Message>No default VPC for this user</Message></Error></Errors></Response>';
    harness.sim.fail({
      kind: 'answer',
      answer: { status: 400, body },
      match: (one) => one.body.includes('CreateSecurityGroup'),
    });
    await expect(harness.provider.create(harness.makeSpec(), within())).rejects.toMatchObject({
      ...{
        providerCode: 'invalid',
        hints: [expect.stringContaining('create-default-vpc --region us-east-1'), expect.anything()],
      },
    });
  });
});

describe('an image', () => {
  const imageOf = async (change: object): Promise<string | undefined> => {
    const vm = await harness.provider.create(harness.makeSpec(change), within());
    const { imageId, region } = [...harness.aws.state.instances.values()].find((one) =>
      vm.id.endsWith(one.id),
    )!;
    const { imagesOf } = await import('../simulators/aws/catalogue.ts');
    return imagesOf(region).find(({ id }) => id === imageId)?.name;
  };

  test.each([
    ['debian-12', 't3.small', 'debian-12-amd64-20261012-2259'],
    ['debian-12', 't4g.small', 'debian-12-arm64-20261012-2259'],
    ['ubuntu-24.04', 't3.small', 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261110'],
    ['ubuntu-22.04', 't4g.small', 'ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-20261105'],
  ])('%s for %s is the newest of its publisher', async (slug, size, name) => {
    expect(await imageOf({ size, image: { kind: 'slug', slug } })).toBe(name);
  });

  it('of Ubuntu is found where parameters may not be read', async () => {
    harness.cloud.missingScopes = ['ssm:GetParameter'];
    const image = { kind: 'slug', slug: 'ubuntu-24.04' } as const;
    expect(await imageOf({ image })).toMatch(/noble-24.04-amd64-server-20261110$/);
  });

  it('for another processor or of another region is refused before anything is made', async () => {
    const { provider, makeSpec } = harness;
    const vm = await provider.create(makeSpec(), within());
    const options = { ...within(), expectKey: vm.key! };
    await provider.waitFor(vm.id, 'running', within());
    const { id } = await provider.snapshots!.create(vm.id, 'x', options);
    const arm = makeSpec({ size: 't4g.small', image: { kind: 'id', id } });
    await expect(provider.create(arm, within())).rejects.toMatchObject({
      providerCode: 'invalid',
      info: { field: 'image' },
    });
    const far = makeSpec({ region: 'eu-central-1', image: { kind: 'id', id } });
    await expect(provider.create(far, within())).rejects.toMatchObject({
      ...{ providerCode: 'invalid', hints: [expect.stringContaining('--region us-east-1')] },
    });
    expect(harness.cloud.machineIds()).toEqual([vm.id]);
  });
});

describe('who asks', () => {
  it('may have a session, whose token goes along', async () => {
    const { aws, clock, address } = harness;
    aws.keys.set('ASIASESSION0000000001', { secret: 'of-the-session', sessionToken: 'token-of-it' });
    const open = (sessionToken: string) =>
      createAwsProvider({
        ...{ runtime: clock, regions: ['us-east-1'], endpoint: () => new URL(address) },
        credentials: async () => ({
          ...{ accessKeyId: 'ASIASESSION0000000001', secretAccessKey: new Secret('of-the-session') },
          sessionToken: new Secret(sessionToken),
        }),
      });
    await expect(collect(open('token-of-it').list(within()))).resolves.toEqual([]);
    await expect(collect(open('another').list(within()))).rejects.toMatchObject({ providerCode: 'auth' });
  });

  it('signs with a secret that never goes out, and the time of the clock', async () => {
    await harness.provider.create(harness.makeSpec(), within());
    expect(JSON.stringify(harness.sim.requests)).not.toContain(testKey.secret);
    harness.clock.advance(3_600_000);
    await expect(collect(harness.provider.list(within()))).resolves.toHaveLength(1);
  });
});
