/** What may happen on the line to a cloud, at each request, before and after the cloud has acted: one machine or none. */
import { describe, expect, test } from 'vitest';
import type { Provider, VmSpec } from '../../src/domain/provider.ts';
import type { Fault } from '../simulators/sim-server.ts';
import { type CloudGetter, removeAll } from './cloud-conformance.ts';
import { collect } from './collect.ts';

const callMs = 600_000;
const ways = ['request-lost', 'answer-lost'] as const;

/** Whatever the first try came to, the same key asked for again gives one machine, and its end leaves nothing. */
async function expectOneOrNone(get: CloudGetter, spec: VmSpec): Promise<void> {
  const { reopen, within, cloud, letPass } = get();
  expect(cloud.machineIds().length).toBeLessThanOrEqual(1);
  const provider = reopen();
  await letPass(provider.caps.listLagSeconds * 1_000);
  const vm = await provider.create(spec, within(callMs));
  expect(cloud.machineIds()).toEqual([vm.id]);
  await removeAll(provider, spec, get());
  expect(cloud.inventory()).toEqual({});
}

/**
 * Does `work` again and again, its process dying at the first request, then at the second, and so on until it gets to its
 * end: from then on nothing more of it reaches the cloud.
 * @returns how many requests it died at
 */
async function dieAtEachRequest(
  get: CloudGetter,
  kind: Fault['kind'],
  work: (provider: Provider, signal: AbortSignal) => Promise<unknown>,
  after: () => Promise<void>,
): Promise<number> {
  const { sim, reopen } = get();
  for (let nth = 1; nth < 100; nth++) {
    let seen = 0;
    const death = new AbortController();
    const match = () => {
      seen += 1;
      if (seen === nth) setImmediate(() => death.abort());
      return seen >= nth;
    };
    sim.fail({ kind, times: Number.POSITIVE_INFINITY, match });
    await work(reopen(), death.signal).catch(() => undefined);
    await sim.idle();
    sim.healAll();
    await after();
    if (seen < nth) return nth - 1;
  }
  throw new Error('it never came to its end');
}

export function describeLineFaults(get: CloudGetter): void {
  describe.each(ways)('a process that dies with the %s', (kind) => {
    test('at any request of create leaves one machine or none, and the next one goes on', async () => {
      let spec = get().makeSpec();
      const deaths = await dieAtEachRequest(
        get,
        kind,
        (provider, signal) => provider.create(spec, get().within(callMs, { signal })),
        async () => {
          await expectOneOrNone(get, spec);
          spec = get().makeSpec();
        },
      );
      expect(deaths).toBeGreaterThan(1);
    });

    test('at any request of the end leaves what the next one removes', async () => {
      let spec = get().makeSpec({ firewall: { allowSshFrom: ['198.51.100.7/32'] } });
      const makeOne = () => get().provider.create(spec, get().within(callMs));
      await makeOne();
      const deaths = await dieAtEachRequest(
        get,
        kind,
        async (provider, signal) => {
          const options = get().within(callMs, { signal });
          const vm = await provider.find(spec.key, options);
          if (vm) await provider.destroy(vm.id, { ...options, expectKey: spec.key });
          for (const leftover of await collect(provider.leftovers(spec.key, options)))
            await provider.removeLeftover(leftover, options);
        },
        async () => {
          await removeAll(get().reopen(), spec, get());
          expect(get().cloud.inventory()).toEqual({});
          spec = get().makeSpec({ firewall: { allowSshFrom: ['198.51.100.7/32'] } });
          await makeOne();
        },
      );
      expect(deaths).toBeGreaterThan(1);
    });
  });

  describe('the order of a machine', () => {
    test.each(ways)('with the %s makes one machine, also where lists lag', async (kind) => {
      const { provider, makeSpec, within, sim, cloud, isCreate } = get();
      cloud.listLagSeconds = provider.caps.listLagSeconds;
      const spec = makeSpec();
      sim.fail({ kind, match: isCreate });
      const outcome = await provider.create(spec, within(callMs)).catch((error: unknown) => error);
      // It may say that it does not know, but it may not guess.
      if (outcome instanceof Error) expect(outcome).toMatchObject({ providerCode: 'ambiguous' });
      await expectOneOrNone(get, spec);
    });

    test.each([
      ['500 without a reason', { status: 500, body: '' }],
      ['the page of a proxy', { status: 502, body: '<html><body>502 Bad Gateway</body></html>' }],
      ['503 and a time to wait', { status: 503, headers: { 'retry-after': '3' }, body: '{}' }],
      ['429 and a time to wait', { status: 429, headers: { 'retry-after': '7' }, body: '{}' }],
      ['429 without one', { status: 429, body: '{}' }],
    ])('that is answered once with %s makes one machine or none', async (_name, answer) => {
      const { provider, makeSpec, within, sim, isCreate } = get();
      const spec = makeSpec();
      sim.fail({ kind: 'answer', answer, match: isCreate });
      const outcome = await provider.create(spec, within(callMs)).catch((error: unknown) => error);
      if (answer.status === 429) expect(outcome).toMatchObject({ key: spec.key });
      await expectOneOrNone(get, spec);
    });

    test('with an answer that is cut short makes one machine', async () => {
      const { provider, makeSpec, within, sim, isCreate } = get();
      const spec = makeSpec();
      sim.fail({ kind: 'cut-short', match: isCreate });
      const outcome = await provider.create(spec, within(callMs)).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'provider' });
      await expectOneOrNone(get, spec);
    });
  });

  describe('a question', () => {
    test('is asked again after a server error, and after an answer that was lost', async () => {
      const { provider, within, sim } = get();
      sim.fail({ kind: 'answer', answer: { status: 502, body: '<html>' }, times: 2 });
      await expect(provider.checkAccess(within(callMs))).resolves.toMatchObject({ missing: [] });
      sim.fail({ kind: 'answer-lost' });
      await expect(collect(provider.list(within(callMs)))).resolves.toEqual([]);
    });

    test('that is answered with something else is an error of the protocol, and shows no control characters', async () => {
      const { provider, within, sim } = get();
      sim.fail({ kind: 'answer', answer: { status: 200, body: '\u001b[2J<html>hello' }, times: 100 });
      const error = await collect(provider.list(within(callMs))).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ providerCode: 'protocol' });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
      expect(String(error)).not.toMatch(/[\u0000-\u001f]/);
    });

    test('that is refused for its rate waits as long as it is told', async () => {
      const { provider, within, sim, sleeps } = get();
      const before = sleeps().length;
      sim.fail({ kind: 'answer', answer: { status: 429, headers: { 'retry-after': '11' }, body: '{}' } });
      await collect(provider.list(within(callMs)));
      expect(Math.max(...sleeps().slice(before))).toBeGreaterThanOrEqual(11_000);
    });
  });
}
