/** Lists of DigitalOcean whose links lead astray: they end, and the token goes nowhere else. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type DigitalOceanHarness, makeHarness } from '../simulators/digitalocean/harness.ts';
import { collect } from './collect.ts';

let harness: DigitalOceanHarness;
beforeAll(async () => {
  harness = await makeHarness();
});
afterEach(async () => {
  harness.sim.healAll();
  await harness.cleanUp();
  expect(harness.sim.descriptionFaults.splice(0)).toEqual([]);
});
afterAll(() => harness.sim.stop());

const soon = () => harness.within(600_000);

describe('a list', () => {
  const next = (page: string) => ({
    pages: { next: `https://api.digitalocean.com/v2/droplets?page=${page}&per_page=200` },
  });
  test.each([
    ['to itself', '1'],
    ['to nowhere', 'x'],
    ['back', '0'],
    ['beyond what an account can have', '100000'],
  ])('whose link leads %s ends with an error of the protocol', async (_where, page) => {
    const { provider, sim } = harness;
    const body = { droplets: [], links: next(page), meta: { total: 0 } };
    sim.fail({ kind: 'answer', answer: { status: 200, body }, path: /droplets$/, times: 100 });
    const before = sim.requests.length;
    await expect(collect(provider.list(soon()))).rejects.toMatchObject({ providerCode: 'protocol' });
    expect(sim.requests.length - before).toBeLessThan(5);
  });

  test('whose links go in a circle ends', async () => {
    const { provider, sim } = harness;
    const body = { droplets: [], links: next('2'), meta: { total: 0 } };
    sim.fail({ kind: 'answer', answer: { status: 200, body }, path: /droplets$/, times: 100 });
    await expect(collect(provider.list(soon()))).rejects.toMatchObject({ providerCode: 'protocol' });
  });

  test('whose links go on for ever ends', async () => {
    const { provider, sim } = harness;
    const body = { droplets: [], links: next('2'), meta: { total: 0 } };
    const match = ({ query }: { query: URLSearchParams }) => {
      body.links = next(String(Number(query.get('page') ?? 1) + 1));
      return true;
    };
    const answer = { status: 200, body };
    sim.fail({ kind: 'answer', answer, path: /droplets$/, match, times: 5_000 });
    const before = sim.requests.length;
    const options = harness.within(86_400_000);
    await expect(collect(provider.list(options))).rejects.toMatchObject({ providerCode: 'protocol' });
    expect(sim.requests.length - before).toBeLessThan(1_500);
  });

  test('whose link leads to another host is asked for where the token belongs', async () => {
    const { provider, sim, cloud } = harness;
    await cloud.plantOurs(3);
    const links = { pages: { next: 'https://evil.example/v2/droplets?page=2' } };
    sim.fail({
      kind: 'answer',
      match: ({ query }) => query.get('tag_name') === 'spuff',
      answer: { status: 200, body: { droplets: [], links, meta: { total: 3 } } },
    });
    await expect(collect(provider.list(soon()))).resolves.toEqual([]);
    expect(sim.requests.at(-1)?.path).toBe('/v2/droplets');
  });
});
