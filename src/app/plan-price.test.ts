import { describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../test/fakes/cli-run.ts';
import type { Capabilities, Money, PriceStore, Size } from '../domain/provider.ts';
import { ProviderError } from '../domain/provider-error.ts';
import { makeHostKey } from '../ssh/host-key.ts';

const usd = (amount: string): Money => ({ amount, currency: 'USD', basis: 'net' });
const key = makeHostKey('login');

function makeSize(id: string, hourly: Money | null): Size {
  const regions = ['here', 'there'].map((region) => ({ id: region, available: true, deprecatedAfter: null }));
  return { id, vcpus: 4, memoryMiB: 8_192, diskGiB: 50, arch: 'x86_64', gpu: false, hourly, regions };
}

function cloud(prices: PriceStore): FakeRun {
  return {
    directory: '/x',
    ssh: {
      makeHostKey: () => key,
      findLoginKeys: async () => ({ publicKeys: [key.publicKey], publicKeyPath: '/k.pub', notes: [] }),
    },
    provider: {
      caps: {
        maxUserDataBytes: 65_536,
        billing: { granularity: 'second', minSeconds: 60, minCharge: null },
        ...{ firewall: 'none', prices: 'separate-api', spot: true },
      } as Capabilities,
      defaults: { region: 'here', size: 'middle', image: { kind: 'slug', slug: 'debian-12' } },
      catalog: async () => ({
        ...{ regions: [], images: [] },
        sizes: [makeSize('middle', usd('0.0893')), makeSize('giant', null)],
      }),
      plan: () => ({ requests: [], hourly: null }),
      prices,
    },
  };
}

describe('the price of what up makes, where a service of its own tells it', () => {
  const asked: string[] = [];
  const prices: PriceStore = {
    onDemand: async (size, region) => {
      asked.push(`${size} ${region}`);
      return usd('0.5');
    },
    spot: async (size, region) => {
      asked.push(`spot ${size} ${region}`);
      return region === 'here' ? usd('0.03') : null;
    },
  };
  const priceOf = async (...wishes: string[]) => {
    asked.length = 0;
    const { out } = await runLine(['up', 'x', '--dry-run', '--json', ...wishes], cloud(prices));
    return JSON.parse(out).plans[0].hourly;
  };

  it('is that of the catalogue, or is asked for where that has none', async () => {
    expect(await priceOf('--size', 'middle')).toEqual(usd('0.0893'));
    expect(asked).toEqual([]);
    expect(await priceOf('--size', 'giant')).toEqual(usd('0.5'));
    expect(asked).toEqual(['giant here']);
  });

  it('is asked for where the machine is to be in another region than the prices of the catalogue are of', async () => {
    expect(await priceOf('--size', 'middle', '--region', 'there')).toEqual(usd('0.5'));
    expect(asked).toEqual(['middle there']);
  });

  it('is that of spot for spot, or the usual one where nobody tells it', async () => {
    expect(await priceOf('--size', 'middle', '--spot')).toEqual(usd('0.03'));
    expect(await priceOf('--size', 'middle', '--spot', '--region', 'there')).toEqual(usd('0.5'));
    expect(asked).toEqual(['spot middle there', 'middle there']);
  });

  it('keeps nobody from a size that is named where nobody tells it, and is not said to be nothing', async () => {
    const refuse = async (): Promise<never> => {
      throw new ProviderError('forbidden', 'no', { provider: 'fake', op: 'catalog', retryable: false });
    };
    const { out, status } = await runLine(
      ['up', 'x', '--dry-run', '--size', 'giant'],
      cloud({ onDemand: refuse, spot: refuse }),
    );
    expect(status).toBe(0);
    expect(out).toMatch(/price +not known/);
  });
});
