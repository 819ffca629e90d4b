import { expect, it } from 'vitest';
import { nowMs, runLine } from '../../test/fakes/cli-run.ts';
import { MemoryState } from '../../test/fakes/memory-state.ts';
import type { Capabilities, Provider, VmSpec } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { makeHostKey } from '../ssh/host-key.ts';

const hourMs = 3_600_000;
const key = makeHostKey('login');
const regions = [{ id: 'here', available: true, deprecatedAfter: null }];
const size = { id: 'middle', vcpus: 4, memoryMiB: 8_192, diskGiB: 50, arch: 'x86_64', gpu: false } as const;

/** Orders a machine at a provider whose clock is so far ahead, which refuses the order. */
async function order(aheadMs: number): Promise<{ spec: VmSpec | undefined; err: string }> {
  const specs: VmSpec[] = [];
  const provider: Partial<Provider> = {
    caps: {
      maxUserDataBytes: 65_536,
      firewall: 'none',
      prices: 'api',
      clock: 'its-own',
      billing: {},
    } as Capabilities,
    defaults: { region: 'here', size: 'middle', image: { kind: 'slug', slug: 'debian-12' } },
    plan: () => ({ requests: [], hourly: null }),
    async catalog({ onRequest }) {
      onRequest?.({ method: 'GET', url: '/', status: 200, serverTime: new Date(nowMs + aheadMs) });
      return { regions: [], images: [], sizes: [{ ...size, regions, hourly: null }] };
    },
    async create(spec) {
      specs.push(spec);
      throw new ProviderError('forbidden', 'no', { provider: 'fake', op: 'create', retryable: false });
    },
    find: async () => null,
    async *leftovers() {
      yield* [];
    },
  };
  const ssh = {
    makeHostKey: () => key,
    findLoginKeys: async () => ({ publicKeys: [key.publicKey], publicKeyPath: null, notes: [] }),
    forget: async () => undefined,
  };
  const { err } = await runLine(['up', 'x', '--ttl', '2h'], { state: new MemoryState(), ssh, provider });
  return { spec: specs[0], err };
}

// A run that dies right after its order leaves the machine with the deadline that it was ordered with.
it.each([24 * hourMs, -24 * hourMs, 5 * 60_000])(
  'a machine is ordered with a deadline by the clock of its provider, which is %i ms ahead',
  async (aheadMs) => {
    const { spec, err } = await order(aheadMs);
    expect(spec?.expiresAt?.getTime()).toBe(nowMs + aheadMs + 2 * hourMs);
    expect(err).toMatch(/the clock of this computer is \d+ minutes (slow|fast)/);
  },
);

it('a clock that is a little wrong is left alone', async () => {
  const { spec, err } = await order(90_000);
  expect(spec?.expiresAt?.getTime()).toBe(nowMs + 2 * hourMs);
  expect(err).not.toMatch(/clock/);
});
