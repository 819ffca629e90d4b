/** What machines cost at AWS: a service of its own tells it, and not of spot. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chooseSize } from '../../src/app/choose-size.ts';
import { type AwsHarness, makeHarness } from '../simulators/aws/harness.ts';
import { pageSize } from '../simulators/aws/pricing.ts';

let harness: AwsHarness;
let seen: number;
beforeAll(async () => {
  harness = await makeHarness();
});
afterEach(async () => {
  const { sim, cloud } = harness;
  sim.healAll();
  await sim.idle();
  pageSize.most = 100;
  cloud.missingScopes = [];
  expect(sim.descriptionFaults.splice(0)).toEqual([]);
});
afterAll(async () => {
  await harness.sim.stop();
});

const within = () => harness.within(600_000);
const usd = { currency: 'USD', basis: 'net' };
const readCatalog = async () => {
  seen = harness.sim.requests.length;
  return (await harness.makeProvider().catalog(within())).sizes;
};
const asked = () =>
  harness.sim.requests.slice(seen).filter(({ body }) => body.includes('"ServiceCode":"AmazonEC2"')).length;

describe('the catalogue', () => {
  it('has the price of each size of up to 96 processors, in few requests', async () => {
    const sizes = await readCatalog();
    const price = (id: string) => sizes.find((one) => one.id === id)?.hourly?.amount;
    expect(price('t3.small')).toBe('0.0208');
    expect(price('c7g.xlarge')).toBe('0.145');
    expect(price('c7i.8xlarge')).toBe('1.428');
    expect(sizes.filter(({ vcpus, hourly }) => vcpus <= 96 && hourly === null)).toEqual([]);
    expect(price('m7i.48xlarge')).toBeUndefined();
    expect(asked()).toBe(13);
    expect(sizes.map(({ id }) => id)).not.toContain('t2.micro');
  });

  it('is the same when prices come in many pages', async () => {
    const whole = await readCatalog();
    pageSize.most = 1;
    expect(await readCatalog()).toEqual(whole);
  });

  it('knows the cheapest that fulfils a wish', async () => {
    const sizes = await readCatalog();
    const choose = (wish: string) => chooseSize({ id: 'aws' }, sizes, wish, ['us-east-1']);
    expect(choose('16cpu-64gb')).toMatchObject({ id: 'm6a.4xlarge', hourly: { amount: '0.6912' } });
    expect(choose('8cpu-64gb')).toMatchObject({ id: 'r7i.2xlarge', hourly: { amount: '0.5292' } });
    expect(choose('2cpu-4gb')).toMatchObject({ id: 't3.medium' });
  });

  it('knows what those with a GPU cost', async () => {
    const withGpu = (await readCatalog()).filter(({ gpu }) => gpu);
    expect(withGpu.map(({ id, hourly }) => [id, hourly?.amount])).toEqual([
      ['g4dn.xlarge', '0.526'],
      ['g5.xlarge', '1.006'],
    ]);
  });

  it('has all prices or none, and the sizes all the same', async () => {
    harness.cloud.missingScopes = ['pricing:GetProducts'];
    const sizes = await readCatalog();
    expect(sizes.find(({ id }) => id === 't3.small')).toMatchObject({
      hourly: null,
      vcpus: 2,
      arch: 'x86_64',
    });
    harness.cloud.missingScopes = [];
    let count = 0;
    const match = ({ body }: { body: string }) => body.includes('"AmazonEC2"') && ++count > 5;
    harness.sim.fail({ kind: 'answer', answer: { status: 500, body: '{}' }, match, times: 1_000 });
    expect((await readCatalog()).filter(({ hourly }) => hourly !== null)).toEqual([]);
  });

  it('ends where pages of prices lead back', async () => {
    const answer = { status: 200, body: { PriceList: [], NextToken: 'again' } };
    const match = ({ body }: { body: string }) => body.includes('"AmazonEC2"');
    harness.sim.fail({ kind: 'answer', answer, match, times: 1_000 });
    await expect(readCatalog()).rejects.toMatchObject({ providerCode: 'protocol' });
  });
});

describe('the price of one size', () => {
  it('is exact, of its region, and one request', async () => {
    seen = harness.sim.requests.length;
    const { onDemand } = harness.provider.prices!;
    expect(await onDemand('t3.small', 'us-east-1', within())).toEqual({ amount: '0.0208', ...usd });
    expect(await onDemand('t3.small', 'eu-central-1', within())).toEqual({ amount: '0.024', ...usd });
    expect(await onDemand('m7i.48xlarge', 'us-east-1', within())).toEqual({ amount: '9.6768', ...usd });
    expect(await onDemand('no.such', 'us-east-1', within())).toBeNull();
    expect(asked()).toBe(4);
  });

  it('of spot is the least of the zones', async () => {
    const { spot } = harness.provider.prices!;
    expect(await spot('t3.small', 'us-east-1', within())).toEqual({ amount: '0.0073', ...usd });
  });
});
