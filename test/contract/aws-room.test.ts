/** Room for a machine at AWS: what the account may have is asked before the order, and zones that are full are passed over. */
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import type { Provider, VmSpec } from '../../src/domain/provider.ts';
import { type AwsHarness, makeHarness } from '../simulators/aws/harness.ts';
import { readForm, textIn } from '../simulators/aws/wire.ts';
import { removeAll } from './cloud-conformance.ts';

const callMs = 600_000;
let harness: AwsHarness;
let seen: number;

beforeAll(async () => {
  harness = await makeHarness();
  seen = 0;
});
afterEach(async () => {
  const { sim, cloud, aws } = harness;
  sim.healAll();
  await sim.idle();
  const faults = sim.descriptionFaults.splice(0);
  await cloud.clear();
  const calm = { listLagSeconds: 0, fullRegions: [], machineLimit: 1_000, missingScopes: [] };
  Object.assign(aws.state.settings, calm, { fullZones: [], vcpuLimits: {} });
  seen = sim.requests.length;
  expect(faults).toEqual([]);
});
afterAll(async () => {
  await harness.sim.stop();
});

const within = () => harness.within(callMs);
const create = (change: Partial<VmSpec> = {}) => harness.provider.create(harness.makeSpec(change), within());
const refusalOf = (change: Partial<VmSpec> = {}) => create(change).catch((thrown: unknown) => thrown);
const forms = (action: string) =>
  harness.sim.requests
    .slice(seen)
    .map(({ body }) => body)
    .filter((body) => body.includes(`Action=${action}&`))
    .map((body) => readForm(body));
const settings = () => harness.aws.state.settings;

describe('an order that does not fit the quota', () => {
  test.each([
    ['t3.small', false, 'L-1216C47A', 2, /Running On-Demand Standard/],
    ['t3.small', true, 'L-34B43A08', 2, /All Standard .* Spot Instance Requests/],
    ['g5.xlarge', false, 'L-DB2E81BA', 4, /Running On-Demand G and VT/],
    ['g5.xlarge', true, 'L-3819A6DF', 4, /All G and VT Spot Instance Requests/],
  ])('%s, spot %s: is not made, and the numbers are told', async (size, spot, code, vcpus, name) => {
    settings().vcpuLimits = { [code]: vcpus * 2 - 1 };
    await create({ size, spot });
    // Others are counted by others.
    await create({ size: size === 't3.small' ? 'g5.xlarge' : 't3.small', spot });
    await create({ size, spot: !spot });
    const error = await refusalOf({ size, spot });
    const numbers = `${size} has ${vcpus} processors, and ${vcpus} of ${vcpus * 2 - 1} processors of the account are in use in us-east-1`;
    expect(error).toMatchObject({
      providerCode: 'quota',
      code: 'quota',
      message: expect.stringMatching(name),
    });
    expect(error).toMatchObject({ message: expect.stringContaining(numbers) });
    expect(error).toMatchObject({ hints: [expect.anything(), expect.stringContaining(code)] });
    expect(forms('RunInstances')).toHaveLength(3);
    expect(forms('CreateSecurityGroup')).toHaveLength(3);
  });

  it('is asked of no one who may not know, and explained by AWS then', async () => {
    settings().machineLimit = 0;
    settings().missingScopes = ['servicequotas:GetServiceQuota'];
    const error = await refusalOf();
    expect(error).toMatchObject({ providerCode: 'quota', info: { rawCode: 'VcpuLimitExceeded' } });
    settings().machineLimit = 1;
    await expect(create()).resolves.toMatchObject({ size: 't3.small' });
  });

  it('is explained with the numbers where AWS alone refuses it', async () => {
    await create();
    const said = '<Code>VcpuLimitExceeded</Code><Message>more than allowed</Message>';
    const body = `<Response><Errors><Error>${said}</Error></Errors></Response>`;
    harness.sim.fail({ kind: 'answer', answer: { status: 400, body }, match: harness.isCreate });
    expect(await refusalOf()).toMatchObject({
      providerCode: 'quota',
      message: expect.stringContaining('2 of 2000 processors of the account are in use in us-east-1'),
      hints: [expect.anything(), expect.stringContaining('L-1216C47A')],
    });
  });

  it('of a size whose quota is not known is AWS’s to judge', async () => {
    const error = await refusalOf({ size: 'mac2.metal' });
    expect(error).toMatchObject({ providerCode: 'invalid' });
    expect(harness.sim.requests.slice(seen).some(({ body }) => body.includes('QuotaCode'))).toBe(false);
  });

  it('keeps nobody waiting for a quota that is not told', async () => {
    const isQuota = ({ body }: { body: string }) => body.includes('QuotaCode');
    harness.sim.fail({ kind: 'request-lost', match: isQuota, times: 100 });
    const before = harness.clock.now();
    await create();
    expect(harness.clock.now() - before).toBeLessThan(15_000);
  });

  it('is not told of a machine that was ordered before and does not show yet', async () => {
    settings().machineLimit = 1;
    settings().listLagSeconds = 20;
    const spec = harness.makeSpec();
    const first = await harness.provider.create(spec, within());
    await expect(harness.reopen().create(spec, within())).resolves.toMatchObject({ id: first.id });
  });
});

const zonesAsked = () => forms('RunInstances').map((form) => textIn(form, 'Placement', 'AvailabilityZone'));
const tokens = () => forms('RunInstances').map((form) => textIn(form, 'ClientToken'));
const zoneOf = (id: string) => harness.aws.state.instances.get(id.replace(/^.*\//, ''))?.zone;

describe('a zone without room', () => {
  it('is passed over, in the order of the zones, each with a token of its own', async () => {
    settings().fullZones = ['us-east-1a', 'us-east-1b'];
    const spec = harness.makeSpec();
    const vm = await harness.provider.create(spec, within());
    expect(zoneOf(vm.id)).toBe('us-east-1c');
    expect(zonesAsked()).toEqual([undefined, 'us-east-1a', 'us-east-1b', 'us-east-1c']);
    const { key } = spec;
    expect(tokens()).toEqual([key, `${key}-us-east-1a`, `${key}-us-east-1b`, `${key}-us-east-1c`]);
    expect(harness.cloud.machineIds()).toEqual([vm.id]);
    await removeAll(harness.provider, spec, harness);
    expect(harness.cloud.inventory()).toEqual({});
  });

  it('is not asked for what it does not have', async () => {
    settings().fullZones = ['us-east-1a'];
    const vm = await create({ size: 'm7i.xlarge' });
    expect(zoneOf(vm.id)).toBe('us-east-1c');
    expect(zonesAsked()).toEqual([undefined, 'us-east-1a', 'us-east-1c']);
  });

  it('like all others of the region is told with their names', async () => {
    settings().fullZones = ['us-east-1a', 'us-east-1b', 'us-east-1c'];
    expect(await refusalOf()).toMatchObject({
      providerCode: 'capacity',
      message: expect.stringContaining('(asked for in us-east-1a, us-east-1b, us-east-1c)'),
      info: { rawCode: 'InsufficientInstanceCapacity', retryable: false },
    });
  });

  it('is the end of it for who may not see which zones there are', async () => {
    settings().fullZones = ['us-east-1a'];
    settings().missingScopes = ['ec2:DescribeSubnets'];
    expect(await refusalOf()).toMatchObject({ providerCode: 'capacity' });
    expect(zonesAsked()).toEqual([undefined]);
  });

  it('costs no request as long as there is room', async () => {
    await create();
    expect([...forms('DescribeSubnets'), ...forms('DescribeInstanceTypeOfferings')]).toEqual([]);
  });
});

describe('an order in a zone', () => {
  /** Room comes back where it was not: the worst case, in which an order that is repeated could go elsewhere. */
  const makeRoom = () => Object.assign(settings(), { fullZones: [] });
  const inZone = ({ body }: { body: string }) =>
    textIn(readForm(body), 'Placement', 'AvailabilityZone') === 'us-east-1b';

  test.each(['request-lost', 'answer-lost', 'cut-short'] as const)(
    'with the %s is repeated there, the same byte for byte',
    async (kind) => {
      settings().fullZones = ['us-east-1a'];
      harness.sim.fail({ kind, match: inZone });
      const vm = await create();
      expect(zoneOf(vm.id)).toBe('us-east-1b');
      expect(harness.cloud.machineIds()).toEqual([vm.id]);
      const bodies = forms('RunInstances')
        .slice(2)
        .map((form) => JSON.stringify(form));
      expect(new Set(bodies).size).toBe(1);
    },
  );

  it('of a process that died is found by the next one, also where lists lag and another zone has room again', async () => {
    settings().fullZones = ['us-east-1a'];
    settings().listLagSeconds = 29;
    const spec = harness.makeSpec();
    const first = await harness.provider.create(spec, within());
    makeRoom();
    const again = await harness.reopen().create(spec, within());
    expect(again.id).toBe(first.id);
    expect(harness.cloud.machineIds()).toEqual([first.id]);
  });

  test.each(['request-lost', 'answer-lost'] as const)(
    'of a process that dies with the %s at any request leaves one machine or none, and the next one goes on',
    async (kind) => {
      const { sim, cloud } = harness;
      let deaths = 0;
      for (let done = false; !done; deaths++) {
        settings().fullZones = ['us-east-1a'];
        settings().listLagSeconds = 29;
        const spec = harness.makeSpec();
        done = await dieAt(deaths + 1, kind, (provider, signal) =>
          provider.create(spec, harness.within(callMs, { signal })),
        );
        await sim.idle();
        sim.healAll();
        makeRoom();
        const vm = await harness.reopen().create(spec, within());
        expect({ deaths, ids: cloud.machineIds() }).toEqual({ deaths, ids: [vm.id] });
        await harness.letPass(30_000);
        await removeAll(harness.reopen(), spec, harness);
        expect(cloud.inventory()).toEqual({});
      }
      expect(deaths).toBeGreaterThan(8);
    },
  );
});

/** @returns true when the work came to its end before its nth request */
async function dieAt(
  nth: number,
  kind: 'request-lost' | 'answer-lost',
  work: (provider: Provider, signal: AbortSignal) => Promise<unknown>,
): Promise<boolean> {
  let count = 0;
  const death = new AbortController();
  const match = () => {
    count += 1;
    if (count === nth) setImmediate(() => death.abort());
    return count >= nth;
  };
  harness.sim.fail({ kind, times: Number.POSITIVE_INFINITY, match });
  await work(harness.reopen(), death.signal).catch(() => undefined);
  return count < nth;
}
