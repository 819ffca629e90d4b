import { describe, expect, it, test } from 'vitest';
import { readNetworks } from './cidr.ts';
import { bareId, checkRegion, publicEndpoint, readPlacedId } from './endpoints.ts';
import { timeOfReason, toVm } from './machine-state.ts';
import { toMoney } from './prices.ts';
import { encodeQuery } from './query-body.ts';
import { loadXmlParser } from './read-xml.ts';

const key = '01m89hyg157h1yqbvtrt6d71p5';

function instance(change: Record<string, unknown> = {}) {
  return {
    ...{ instanceId: 'i-0123456789abcdef0', instanceType: 't3.small', architecture: 'x86_64' },
    instanceState: { code: '16', name: 'running' },
    ...{ launchTime: '2026-11-25T14:00:00.000Z', ipAddress: '203.0.113.7' },
    tagSet: {
      item: [
        { key: 'spuff', value: 'machine' },
        { key: 'spuff-key', value: key },
        { key: 'spuff-expires', value: '1795617213' },
        { key: 'Name', value: `spuff-${key}` },
      ],
    },
    ...change,
  };
}

describe('a machine', () => {
  const read = (change?: Record<string, unknown>) => toVm(instance(change), 'eu-central-1', 'get');

  it('is read from what AWS says', () => {
    expect(read()).toMatchObject({
      ...{
        id: 'eu-central-1/i-0123456789abcdef0',
        key,
        name: `spuff-${key}`,
        state: 'running',
        billed: true,
      },
      ...{ ssh: { host: '203.0.113.7', port: 22 }, expiresAt: new Date(1_795_617_213_000), ipv6: null },
    });
  });

  test.each([
    ['pending', 'provisioning'],
    ['shutting-down', 'deleting'],
    ['terminated', 'gone'],
    ['stopping', 'stopping'],
    ['stopped', 'stopped'],
    ['hibernating', 'unknown'],
    ['constructor', 'unknown'],
  ])('that is %s is %s', (name, state) => {
    expect(read({ instanceState: { name } })).toMatchObject({
      state,
      rawState: name,
      billed: state !== 'gone',
    });
  });

  test.each([
    ['User initiated (2026-11-23 10:00:07 GMT)', Date.UTC(2026, 10, 23, 10, 0, 7)],
    ['Service initiated (2026-11-23 10:00:07 UTC)', Date.UTC(2026, 10, 23, 10, 0, 7)],
    ['User initiated', null],
    ['User initiated (2026-13-23 10:00:07 GMT)', null],
    ['', null],
  ])('whose reason is %j changed its state at %s', (reason, timeMs) => {
    expect(timeOfReason(instance({ reason }))?.getTime() ?? null).toBe(timeMs);
  });

  it('has no key where the tag is none, or the marker is missing', () => {
    const tags = (...item: object[]) => ({ tagSet: { item } });
    const marker = { key: 'spuff', value: 'machine' };
    expect(read(tags(marker, { key: 'spuff-key', value: 'ILLEGAL' })).key).toBeNull();
    expect(read(tags({ key: 'spuff-key', value: key })).key).toBeNull();
    expect(read({ tagSet: '' }).key).toBeNull();
    expect(read(tags(marker, { key: 'spuff-expires', value: 'soon' })).expiresAt).toBeNull();
  });

  it('may lack addresses and be of a processor that is not known', () => {
    expect(read({ ipAddress: undefined, architecture: 'i386' })).toMatchObject({
      ipv4: null,
      ssh: null,
      arch: 'x86_64',
    });
    expect(read({ architecture: 'arm64_mac' }).arch).toBe('arm64');
  });

  test.each([['instanceId'], ['instanceState'], ['instanceType'], ['launchTime']])(
    'without %s is an error that names it',
    (name) => {
      const field = name === 'instanceState' ? 'name' : name;
      expect(() => read({ [name]: undefined })).toThrow(
        expect.objectContaining({ providerCode: 'protocol', info: expect.objectContaining({ field }) }),
      );
    },
  );
});

describe('networks', () => {
  test.each([
    ['198.51.100.7/24', '198.51.100.0/24'],
    ['198.51.100.7/32', '198.51.100.7/32'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['2001:DB8:0:0:1:2:3:4/64', '2001:db8::/64'],
    ['2001:db8::ffff/121', '2001:db8::ff80/121'],
    ['::ffff:198.51.100.7/128', '::ffff:198.51.100.7/128'],
    ['::1/128', '::1/128'],
  ])('%s is %s', (given, written) => {
    const { v4, v6 } = readNetworks([given, given], 'create');
    expect([...v4, ...v6]).toEqual([written]);
  });

  test.each([
    '',
    '198.51.100.7',
    '198.51.100.7/33',
    '2001:db8::/129',
    '1.2.3/8',
    'x/8',
    '1.2.3.4/8/8',
    'fe80::1%eth0/64',
    '1.2.3.4/-1',
  ])('%j is none', (given) => {
    expect(() => readNetworks([given], 'create')).toThrow(
      expect.objectContaining({ providerCode: 'invalid' }),
    );
  });
});

test.each([
  ['0.0208000000', '0.0208'],
  ['1.0060000000', '1.006'],
  ['12', '12'],
  ['0000.0000010000', '0.000001'],
  ['10.0000000000', '10'],
  ['0.1000000000000000055', '0.1000000000000000055'],
])('the price %s is %s', (given, amount) => {
  expect(toMoney(given)).toEqual({ amount, currency: 'USD', basis: 'net' });
});

describe('ids and regions', () => {
  it('say where a thing is', () => {
    expect(readPlacedId('eu-central-1/i-0123456789abcdef0', 'i')).toEqual({
      ...{ region: 'eu-central-1', id: 'i-0123456789abcdef0' },
    });
    expect(readPlacedId('i-0123456789abcdef0', 'i')?.region).toBeNull();
    expect(bareId('eu-central-1/i-01234567')).toBe('i-01234567');
  });

  test.each([
    '',
    'i-',
    'i-XYZ',
    'vol-01234567',
    '../i-01234567',
    'evil.example/i-01234567',
    'a/b/i-01234567',
    'i-01234567\n',
  ])('%j is no machine', (text) => {
    expect(readPlacedId(text, 'i')).toBeNull();
  });

  it('make the address, and nothing else does', () => {
    expect(publicEndpoint('eu-central-1', 'ec2').href).toBe('https://ec2.eu-central-1.amazonaws.com/');
    expect(publicEndpoint('us-east-1', 'pricing').href).toBe('https://api.pricing.us-east-1.amazonaws.com/');
    expect(publicEndpoint('cn-north-1', 'sts').href).toBe('https://sts.cn-north-1.amazonaws.com.cn/');
    for (const region of ['evil.example/', 'us-east-1.evil.example', '', 'us-east-1@x', 'us_east_1'])
      expect(() => checkRegion(region, 'create')).toThrow(
        expect.objectContaining({ providerCode: 'region-unavailable' }),
      );
  });
});

it('numbers lists in a query', () => {
  const body = encodeQuery('Do', 'v', { A: [{ B: ['x', 'y&z'] }], C: { D: true }, E: undefined, F: 3 });
  expect([...new URLSearchParams(body)]).toEqual([
    ...[
      ['Action', 'Do'],
      ['Version', 'v'],
      ['A.1.B.1', 'x'],
      ['A.1.B.2', 'y&z'],
      ['C.D', 'true'],
      ['F', '3'],
    ],
  ]);
});

describe('XML', () => {
  const read = async (body: string) => (await loadXmlParser())({ status: 200, headers: {}, body }, 'list');

  it('is text, with its characters, and never numbers', async () => {
    const root = await read(
      '<R><id>0012</id><set><item><v> a &amp;amp; &lt; &#9730; </v></item></set><none/></R>',
    );
    expect(root).toEqual({ R: { id: '0012', set: { item: [{ v: ' a &amp; < ☂ ' }] }, none: '' } });
  });

  test.each([
    ['nothing', ''],
    ['a page of a terminal', '\u001b[2J<html>'],
    ['half of it', '<R><a>1</a><b>'],
    ['with entities of its own', '<!DOCTYPE R [<!ENTITY a "b">]><R>&a;</R>'],
    ['JSON', '{}'],
  ])('%s is an error of the protocol', async (_what, body) => {
    await expect(read(body)).rejects.toMatchObject({ providerCode: 'protocol' });
  });
});
