import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeRun, runLine } from '../../../test/fakes/cli-run.ts';
import { MemoryState } from '../../../test/fakes/memory-state.ts';
import { sampleInstance } from '../../../test/fakes/sample-instance.ts';
import { SpuffError } from '../../domain/errors.ts';
import type { Capabilities, Money, Size } from '../../domain/provider.ts';
import { ProviderError } from '../../domain/provider-error.ts';
import { makeHostKey } from '../../ssh/host-key.ts';

const usd = (amount: string): Money => ({ amount, currency: 'USD', basis: 'net' });

function makeSize(
  id: string,
  vcpus: number,
  gigabytes: number,
  price: string,
  change: Partial<Size> = {},
): Size {
  const regions = ['here', 'there'].map((region) => ({ id: region, available: true, deprecatedAfter: null }));
  return {
    id,
    vcpus,
    memoryMiB: gigabytes * 1_024,
    diskGiB: 50,
    arch: 'x86_64',
    gpu: false,
    hourly: usd(price),
    regions,
    ...change,
  };
}

const soldOut = [{ id: 'here', available: false, deprecatedAfter: null }];
const catalog = {
  regions: ['here', 'there', 'far'].map((id) => ({ id, available: id !== 'far' })),
  sizes: [
    makeSize('big', 8, 16, '0.30'),
    makeSize('small', 1, 1, '0.009'),
    makeSize('arm', 4, 8, '0.01', { arch: 'arm64' }),
    makeSize('middle', 4, 8, '0.0893'),
    makeSize('middle-plus', 4, 16, '0.0893'),
    makeSize('bargain', 128, 512, '0.001', { regions: soldOut }),
    makeSize('brain', 8, 32, '1.5', { gpu: true }),
    makeSize('giant', 64, 256, '0', { hourly: null }),
  ],
  images: [],
};

/** Who asks, as the service of the test sees it. */
let myAddress: string;
let service: Server;
let addressService: string;
let sources: readonly string[] | null;
let ordered: { region: string; size: string; firewall?: unknown; spot?: unknown }[];

beforeAll(async () => {
  service = createServer((_request, response) => response.end(`${myAddress}\n`));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  addressService = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});
afterAll(() => service.close());
beforeEach(() => {
  [myAddress, sources, ordered] = ['198.51.100.7', ['192.0.2.1/32'], []];
});

const key = makeHostKey('login');

function cloud(change: FakeRun = {}): FakeRun {
  return {
    ...change,
    directory: '/x',
    settings: { addressService, ...change.settings },
    ssh: {
      makeHostKey: () => key,
      findLoginKeys: async () => ({ publicKeys: [key.publicKey], publicKeyPath: '/k.pub', notes: [] }),
      ...change.ssh,
    },
    provider: {
      caps: {
        maxUserDataBytes: 65_536,
        billing: { granularity: 'second', minSeconds: 60, minCharge: null },
        firewall: 'at-create',
        prices: 'api',
        spot: true,
      } as Capabilities,
      defaults: { region: 'here', size: 'small', image: { kind: 'slug', slug: 'debian-12' } },
      catalog: async () => catalog,
      checkAccess: async () => ({
        account: 'me@example.com',
        missing: [],
        quota: { vms: { used: 2, limit: 10 } },
      }),
      plan: (spec) => {
        ordered.push(spec);
        return { requests: [], hourly: null };
      },
      firewall: {
        show: async () => sources,
        set: async (_key, allowed) => {
          sources = allowed;
        },
      },
      ...change.provider,
    },
  };
}

const dryRun = (...wishes: string[]) => ['up', 'x', '--dry-run', '--json', ...wishes];
const planOf = ({ out }: { out: string }) => JSON.parse(out).plans[0];

describe('spuff sizes', () => {
  const ids = async (...argv: string[]) => {
    const { out } = await runLine(['sizes', '--json', ...argv], cloud());
    return (JSON.parse(out) as { sizes: Size[] }).sizes.map(({ id }) => id);
  };

  it('lists what can be had, the cheapest first, of equal price the larger first', async () => {
    expect(await ids()).toEqual(['small', 'arm', 'middle-plus', 'middle', 'big', 'brain', 'giant']);
    expect(await ids('--min-cpu', '4', '--min-memory', '16')).toEqual([
      'middle-plus',
      'big',
      'brain',
      'giant',
    ]);
    expect(await ids('--gpu')).toEqual(['brain']);
    expect(await ids('--region', 'far')).toEqual([]);
  });

  it('shows prices and places to people', async () => {
    const { out } = await runLine(['sizes', '--min-cpu', '8'], cloud());
    expect(out).toMatch(
      /^SIZE +VCPU.*PRICE\/HOUR +REGIONS\nbig +8 +16 GiB +50 GiB +x86_64 +0\.30 USD +here there\n/,
    );
  });
});

it('spuff regions says what is allowed', async () => {
  const { out } = await runLine(['regions', '--json'], cloud({ settings: { allowedRegions: ['there'] } }));
  expect(JSON.parse(out).regions).toEqual([
    { id: 'here', available: true, allowed: false },
    { id: 'there', available: true, allowed: true },
    { id: 'far', available: false, allowed: false },
  ]);
});

describe('spuff providers', () => {
  it('says who lets you in', async () => {
    expect((await runLine(['providers'], cloud())).out).toMatch(/fake \* +yes +2 of 10 +me@example.com/);
  });

  it('says what is missing, and what to do', async () => {
    const refuse = (): never => {
      throw new ProviderError('auth', 'there is no token', {
        ...{ provider: 'fake', op: 'checkAccess', retryable: false },
        hints: ['set FAKE_TOKEN'],
      });
    };
    const outcome = await runLine(['providers'], cloud({ provider: { checkAccess: async () => refuse() } }));
    expect(outcome).toMatchObject({
      status: 0,
      out: expect.stringMatching(/fake \* +no +there is no token/),
    });
    expect(outcome.err).toContain('set FAKE_TOKEN');
  });
});

describe('the size that up takes', () => {
  it('is the cheapest x86 machine without a GPU that fits a wish, and is named', async () => {
    const outcome = await runLine(dryRun('--size', '3cpu-6gb'), cloud());
    expect(planOf(outcome)).toMatchObject({ size: 'middle-plus', hourly: usd('0.0893') });
    expect(outcome.err).toContain('3cpu-6gb: middle-plus (4 vCPU, 16 GB) is the cheapest that fits');
  });

  it.each([
    ['200cpu-1gb', 13, 'ask for less'],
    ['100cpu-300gb', 13, 'name another region'],
    ['40cpu-200gb', 2, 'name one: --size giant'],
    ['midle', 2, 'did you mean middle?'],
    ['enormous', 2, 'spuff sizes --provider fake'],
  ])('%s is refused before anything is made', async (size, status, hint) => {
    const outcome = await runLine(['up', 'x', '--size', size], cloud());
    expect(outcome.status).toBe(status);
    expect(outcome.err).toContain(hint);
    expect(ordered).toEqual([]);
  });
});

describe('the regions that up takes', () => {
  it('are those of the line, then of the settings, then the provider’s own', async () => {
    const settings = { regions: ['there', 'here'] };
    expect(planOf(await runLine(dryRun('--region', 'far, here'), cloud({ settings })))).toMatchObject({
      region: 'far',
      otherRegions: ['here'],
    });
    expect(planOf(await runLine(dryRun(), cloud({ settings })))).toMatchObject({
      region: 'there',
      otherRegions: ['here'],
    });
    expect(planOf(await runLine(dryRun(), cloud()))).toMatchObject({ region: 'here', otherRegions: [] });
  });

  it('are refused before any call when they are not allowed', async () => {
    const asked: string[] = [];
    const provider = {
      catalog: async () => {
        asked.push('catalog');
        return catalog;
      },
    };
    const settings = { allowedRegions: ['there'] };
    const outcome = await runLine(['up', 'x', '--region', 'there,here'], cloud({ settings, provider }));
    expect(outcome).toMatchObject({
      status: 3,
      err: expect.stringContaining('here is not among the allowed regions'),
    });
    expect(asked).toEqual([]);
  });
});

describe('who may reach a new machine', () => {
  it('is the address that you have', async () => {
    expect(planOf(await runLine(dryRun(), cloud())).allowSshFrom).toEqual(['198.51.100.7/32']);
    expect(ordered).toMatchObject([{ firewall: { allowSshFrom: ['198.51.100.7/32'] } }]);
  });

  it.each([
    ['open', null],
    [['203.0.113.0/24'], ['203.0.113.0/24']],
  ] as const)('is who the settings say: %j', async (firewall, allowed) => {
    expect(planOf(await runLine(dryRun(), cloud({ settings: { firewall } }))).allowSshFrom).toEqual(allowed);
  });

  it.each(['<html>', '', '198.51.100.0/24', '1.2.3.4 5.6.7.8'])(
    'is an error where the service says %j',
    async (text) => {
      myAddress = text;
      const outcome = await runLine(dryRun(), cloud());
      expect(outcome).toMatchObject({ status: 7, out: '' });
      expect(outcome.err).toContain('your address is not known');
    },
  );
});

describe('spuff firewall', () => {
  const run = (...argv: string[]) =>
    runLine(['firewall', ...argv], cloud({ state: new MemoryState([sampleInstance()]) }));

  it('shows, allows, revokes and closes', async () => {
    expect((await run('show', 'demo')).out).toBe('192.0.2.1/32\n');
    expect((await run('allow', 'demo')).out).toBe('192.0.2.1/32\n198.51.100.7/32\n');
    await run('allow', 'demo', '2001:db8::1/64', '192.0.2.1');
    expect(sources).toEqual(['192.0.2.1/32', '198.51.100.7/32', '2001:db8::/64']);
    await run('revoke', 'demo', 'my-ip', '192.0.2.1');
    expect(sources).toEqual(['2001:db8::/64']);
    expect((await run('close', 'demo')).out).toBe('nobody\n');
    expect((await run('show', 'demo', '--json')).out).toBe(
      '{"version":1,"instance":"demo","allowSshFrom":[]}\n',
    );
  });

  it.each([
    [['allow', 'demo', 'everybody'], 2],
    [['revoke', 'demo', '203.0.113.9'], 4],
    [['allow', 'nobody'], 4],
  ])('refuses %j and changes nothing', async (argv, status) => {
    expect(await run(...argv)).toMatchObject({ status });
    expect(sources).toEqual(['192.0.2.1/32']);
  });
});

describe('a connection that does not come about', () => {
  const run = (argv: string[], change: FakeRun['provider'] = {}) => {
    const openSession = () => Promise.reject(new SpuffError('connection', 'demo does not answer'));
    return runLine(
      argv,
      cloud({ state: new MemoryState([sampleInstance()]), ssh: { openSession }, provider: change }),
    );
  };

  it.each([[['ssh', 'demo']], [['exec', 'demo', '--', 'true']]])(
    '%j names the address that is shut out',
    async (argv) => {
      const { err } = await run(argv);
      expect(err).toContain('error: demo does not answer\n');
      expect(err).toContain('your address is 198.51.100.7 now');
      expect(err).toContain('spuff firewall allow demo');
    },
  );

  it('says nothing of it where the address is let in, or the provider does not say', async () => {
    sources = ['198.51.100.0/24'];
    expect((await run(['ssh', 'demo'])).err).not.toContain('your address');
    const show = () => Promise.reject(new SpuffError('unavailable', 'the provider is down'));
    const { err } = await run(['ssh', 'demo'], { firewall: { show, set: async () => undefined } });
    expect(err).toContain('demo does not answer');
    expect(err).not.toContain('the provider is down');
  });
});
